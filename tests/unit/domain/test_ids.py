"""What may be an id, and in which fields it is checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import ID_ACCEPTED, check_id
from matcher.domain.warehouse import ServiceArea
from tests.scenarios import demand, return_item, verification, warehouse

_GOOD = {
    "one": "a",
    "longest": "x" * 128,
    "longest of four bytes": "\U0001f600" * 128,
    "letters": "\u00e9\u4e2d\u0440\u05d0",
    "decomposed": "e\u0301",
    "spaces and marks": " a b/c?d=;'\"<>%00",
    "no-break space": "a\u00a0b",
}
_BAD = {
    "empty": "",
    "too long": "x" * 129,
    "a megabyte": "x" * 1_000_000,
    "null": "a\x00b",
    "newline": "a\n",
    "tab": "\t",
    "delete": "\x7f",
    "next line": "a\x85b",
    "right to left override": "a\u202eb",
    "zero width space": "a\u200bb",
    "zero width joiner": "a\u200db",
    "byte order mark": "\ufeffa",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "lone surrogate": "a\ud800b",
    "private use": "a\ue000b",
    "not a character": "a\uffffb",
    "unassigned": "a\U000e0080b",
}


@pytest.mark.parametrize("name", _GOOD)
def test_visible_text_is_an_id(name: str) -> None:
    """Up to 128 characters of any script, kept byte for byte."""
    check_id("demand_id", _GOOD[name])


@pytest.mark.parametrize("name", _BAD)
def test_what_nobody_can_see_is_none(name: str) -> None:
    """Controls, format marks and the like are refused; a long value is cut."""
    with pytest.raises(InvalidValueError) as refused:
        check_id("demand_id", _BAD[name])
    (violation,) = refused.value.violations
    assert (violation.field, violation.accepted) == ("demand_id", ID_ACCEPTED)
    assert len(violation.value) <= 80
    assert violation.value.isprintable()


def test_an_optional_name_may_be_empty() -> None:
    """Empty is nothing; anything else is checked all the same."""
    check_id("segment", "", allow_empty=True)
    with pytest.raises(InvalidValueError):
        check_id("segment", "\n", allow_empty=True)


_FIELDS: tuple[tuple[Callable[..., Any], str, str], ...] = (
    (demand, "demand_id", "demand_id"),
    (demand, "sku", "sku"),
    (demand, "category", "category"),
    (demand, "segment", "segment"),
    (return_item, "return_id", "return_id"),
    (return_item, "order_id", "order_id"),
    (return_item, "customer_id", "customer_id"),
    (return_item, "sku", "sku"),
    (return_item, "category", "category"),
    (return_item, "segment", "segment"),
    (verification, "method", "verification.method"),
    (verification, "source", "verification.source"),
    (verification, "source_version", "verification.source_version"),
    (verification, "evidence_id", "verification.evidence_id"),
    (warehouse, "warehouse_id", "warehouse_id"),
)


@pytest.mark.parametrize(("make", "argument", "field"), _FIELDS)
def test_every_name_of_an_entity_is_checked(
    make: Callable[..., Any], argument: str, field: str
) -> None:
    """A hidden character in any of them is refused under its path."""
    with pytest.raises(InvalidValueError) as refused:
        make(**{argument: "a\u202e"})
    assert refused.value.violations[0].field == field


def test_names_in_lists_are_checked_by_position() -> None:
    """The second category of a warehouse is the faulty one."""
    with pytest.raises(InvalidValueError) as refused:
        warehouse(categories=("toys", ""))
    assert refused.value.violations[0].field == "categories[1]"


def test_a_service_area_has_an_id() -> None:
    """An empty one is refused before its geometry is looked at."""
    with pytest.raises(InvalidValueError) as refused:
        ServiceArea("", "{}")  # type: ignore[arg-type]
    assert refused.value.violations[0].field == "service_area_id"
