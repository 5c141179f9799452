"""Errors say what, what was seen and what is accepted, however hostile it is."""

from __future__ import annotations

import inspect

import pytest

from matcher.domain import errors
from matcher.domain.errors import (
    AlreadyExistsError,
    FieldViolation,
    InvalidPolicyError,
    InvalidValueError,
    LimitExceededError,
    NearturnError,
    NotFoundError,
    RequestReusedError,
    StateConflictError,
    VersionMismatchError,
)

_TEXTS = (
    (NotFoundError("demand", "d\n1"), r"demand 'd\n1' does not exist"),
    (
        AlreadyExistsError("return", "r1", "aa", "bb"),
        "return 'r1' already exists with another payload (stored aa, received bb)",
    ),
    (
        StateConflictError("match", "m1", "RELEASED", "confirming", "an active hold"),
        "match 'm1' is RELEASED; confirming needs an active hold",
    ),
    (
        VersionMismatchError("demand", "d1", "7", "6"),
        "demand 'd1' has etag '7', not '6'; read it again and retry",
    ),
    (
        RequestReusedError("q", "aa", "bb"),
        "request_id 'q' was used for another request (stored aa, received bb)",
    ),
    (
        LimitExceededError("open demands", 11, 10),
        "open demands: 11 is over the maximum of 10",
    ),
)


@pytest.mark.parametrize(("error", "text"), _TEXTS)
def test_an_error_says_what_it_is_about(error: NearturnError, text: str) -> None:
    """The entity, what is so, and what would have been needed."""
    assert str(error) == text


def test_a_value_is_cut_and_made_visible() -> None:
    """A megabyte of controls becomes 80 printable characters."""
    error = InvalidValueError("sku", "\x00" * 1_000_000, "visible")
    (violation,) = error.violations
    assert len(violation.value) == 80
    assert violation.value.endswith("...")
    assert str(error).isprintable()
    assert str(error).startswith("sku: got '\\x00")


@pytest.mark.parametrize(("length", "cut"), [(78, False), (79, True)])
def test_eighty_characters_are_kept_and_no_more(length: int, cut: bool) -> None:
    """Two of them are the quotes; one past, the last three say that there is more."""
    (violation,) = InvalidValueError("sku", "x" * length, "visible").violations
    assert len(violation.value) == 80
    assert violation.value.endswith("...") is cut
    assert violation.value.startswith("'xxx")


def test_violations_move_under_a_path() -> None:
    """The field of an item becomes the field of the request; the class stays."""
    error = InvalidPolicyError(InvalidValueError("a", 1, "2").violations * 2)
    moved = error.under("policy")
    assert type(moved) is InvalidPolicyError
    assert [each.field for each in moved.violations] == ["policy.a"] * 2
    assert str(moved) == "policy.a: got 1; accepted: 2; policy.a: got 1; accepted: 2"


def test_every_error_is_one_of_ours() -> None:
    """A caller can catch the base alone, and the tree in the docs is whole."""
    found = [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, Exception)
    ]
    assert len(found) > 10
    for each in found:
        assert issubclass(each, NearturnError)
        assert each is NearturnError or each.__name__ in (errors.__doc__ or "")


def test_a_number_that_cannot_be_printed_is_still_named() -> None:
    """Python prints no integer of 5,000 digits; the error names the field as ever."""
    (violation,) = InvalidValueError("quantity", 10**5000, "1 to 9").violations
    assert violation.value == "int that is too long to print"


def test_a_policy_error_is_cut_as_well() -> None:
    """A category of a megabyte that comes twice gives a short error."""
    fault = FieldViolation("categories[1].category", "x" * 1_000_000, "each once")
    error = InvalidPolicyError([fault])
    assert len(str(error)) < 200
    assert len(error.violations[0].value) == 80
