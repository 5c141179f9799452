"""Every error has its status, and no status is too large for a call's trailers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status
from structlog.testing import capture_logs

from matcher.domain import errors as domain
from matcher.domain.errors import FieldViolation, NearturnError
from matcher.domain.ids import TenantId
from matcher.domain.policy_change import Dimension
from server.access.refusal import (
    AccessDeniedError,
    RateExceededError,
    UnauthenticatedError,
)
from server.api.errors import mapped_errors, to_status
from server.storage.lease import FencedError, Lease
from tests.contract.api_target import ApiError

# As long as a valid id can be: 128 characters of four bytes each.
LONG_ID = "\U0001f600" * 128
FAULT = FieldViolation("return_items[9999].location.latitude", "x" * 110, "y" * 330)

# One of each class, as large as a caller can make it.
EXAMPLES: list[tuple[NearturnError, int, str, type | None]] = [
    (
        domain.InvalidValueError.of([FAULT] * 100),
        code_pb2.INVALID_ARGUMENT,
        "INVALID_VALUE",
        error_details_pb2.BadRequest,
    ),
    (
        domain.InvalidPolicyError([FAULT] * 10_000),
        code_pb2.INVALID_ARGUMENT,
        "INVALID_POLICY",
        error_details_pb2.BadRequest,
    ),
    (
        domain.RequestReusedError("8d1f3a52-6f0e-4c57-9a53-0d6d4f7b2c11", "a", "b"),
        code_pb2.INVALID_ARGUMENT,
        "REQUEST_REUSED",
        error_details_pb2.BadRequest,
    ),
    (
        domain.NotFoundError("return", LONG_ID),
        code_pb2.NOT_FOUND,
        "NOT_FOUND",
        error_details_pb2.ResourceInfo,
    ),
    (
        domain.AlreadyExistsError("return", LONG_ID, "a" * 32, "b" * 32),
        code_pb2.ALREADY_EXISTS,
        "ALREADY_EXISTS",
        error_details_pb2.ResourceInfo,
    ),
    (
        domain.StateConflictError("demand", LONG_ID, "CANCELLED", "changing", "OPEN"),
        code_pb2.FAILED_PRECONDITION,
        "STATE_CONFLICT",
        error_details_pb2.PreconditionFailure,
    ),
    (
        domain.NotReadyError(
            LONG_ID,
            tuple(
                domain.Shortfall(
                    "ACKNOWLEDGEMENT", dimension.name, "\U0001f600" * 4_000
                )
                for dimension in Dimension
            ),
        ),
        code_pb2.FAILED_PRECONDITION,
        "NOT_READY",
        error_details_pb2.PreconditionFailure,
    ),
    (
        domain.VersionMismatchError("demand", LONG_ID, "9" * 19, "\U0001f600" * 64),
        code_pb2.ABORTED,
        "VERSION_MISMATCH",
        error_details_pb2.ResourceInfo,
    ),
    (
        domain.LimitExceededError("open demands", 2_000_001, 2_000_000),
        code_pb2.RESOURCE_EXHAUSTED,
        "LIMIT_EXCEEDED",
        None,
    ),
    (
        domain.LimitExceededError("work in the queue", 10_000, 10_000, 1),
        code_pb2.RESOURCE_EXHAUSTED,
        "LIMIT_EXCEEDED",
        error_details_pb2.RetryInfo,
    ),
    (
        domain.UnavailableError("cannot commit in store at a path: disk full"),
        code_pb2.UNAVAILABLE,
        "UNAVAILABLE",
        error_details_pb2.RetryInfo,
    ),
    (
        domain.NotOwnerError(LONG_ID, "host:1:ab"),
        code_pb2.UNAVAILABLE,
        "NOT_OWNER",
        error_details_pb2.RetryInfo,
    ),
    (
        FencedError(Lease(TenantId(LONG_ID), 7), "host:1:ab"),
        code_pb2.UNAVAILABLE,
        "NOT_OWNER",
        error_details_pb2.RetryInfo,
    ),
    (
        UnauthenticatedError("expired", "the token has expired"),
        code_pb2.UNAUTHENTICATED,
        "UNAUTHENTICATED",
        None,
    ),
    (
        AccessDeniedError(
            "role", f"token:{LONG_ID} lacks the role admin", "admin", "x" * 200
        ),
        code_pb2.PERMISSION_DENIED,
        "ACCESS_DENIED",
        None,
    ),
    (
        RateExceededError("caller calls per second", 1_000_000, 1),
        code_pb2.RESOURCE_EXHAUSTED,
        "RATE_EXCEEDED",
        error_details_pb2.RetryInfo,
    ),
    (
        domain.InvalidProblemError("row 7 is unsorted"),
        code_pb2.INTERNAL,
        "INVALID_PROBLEM",
        None,
    ),
    (
        domain.CertificateError("edge 7 saves more than its prices"),
        code_pb2.INTERNAL,
        "CERTIFICATE_REFUSED",
        None,
    ),
]
IDS = [type(error).__name__ for error, *_ in EXAMPLES]


def _tree(kind: type[NearturnError]) -> Iterator[type[NearturnError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _tree(below)


def test_every_error_of_the_domain_is_mapped():
    """A new class without a row is found here, not by a caller."""
    ours = {kind for kind in _tree(NearturnError) if "tests" not in kind.__module__}
    assert ours == mapped_errors()


def test_every_mapped_error_has_an_example():
    """The tests below leave no row out."""
    assert {type(error) for error, *_ in EXAMPLES} == mapped_errors()


@pytest.mark.parametrize(("error", "code", "reason", "detail"), EXAMPLES, ids=IDS)
def test_each_error_has_its_code_and_details(
    error: NearturnError, code: int, reason: str, detail: type | None
):
    """Exactly one ErrorInfo, first, of our domain, then what the code calls for."""
    status = to_status(error)
    info = ApiError(status).info
    assert (status.code, info.reason, info.domain) == (code, reason, "nearturn")
    names = [packed.TypeName() for packed in status.details]
    expected = ["google.rpc.ErrorInfo"]
    if code == code_pb2.RESOURCE_EXHAUSTED:
        expected.append(error_details_pb2.QuotaFailure.DESCRIPTOR.full_name)
    if detail is not None:
        expected.append(detail.DESCRIPTOR.full_name)  # type: ignore[attr-defined]
    assert names == expected


def test_a_full_server_says_when_to_come_back():
    """RetryInfo has the seconds of the error; waiting helps no limit that has none."""
    full = ApiError(to_status(domain.LimitExceededError("pool", 3, 2, 10)))
    (retry,) = full.details(error_details_pb2.RetryInfo)
    assert retry.retry_delay.seconds == 10
    never = ApiError(to_status(domain.LimitExceededError("candidates", 3, 2)))
    assert never.details(error_details_pb2.RetryInfo) == []


@pytest.mark.parametrize(("error", "code", "reason", "detail"), EXAMPLES, ids=IDS)
def test_each_status_fits_the_trailers_of_a_call(
    error: NearturnError, code: int, reason: str, detail: type | None
):
    """
    The largest of each kind stays below the 8 KiB that gRPC clients accept.

    Details travel in base64 (four bytes for three), the text with each byte that is
    no plain character as three.
    """
    rich = rpc_status.to_status(to_status(error))
    packed = sum(len(value) * 4 / 3 for _, value in rich.trailing_metadata)
    text = sum(3 if byte > 126 or byte < 32 else 1 for byte in rich.details.encode())
    assert packed + text < 8_192 - 512


def test_violations_are_listed_as_far_as_they_fit():
    """Of a hundred long faults the first are listed, and all are counted."""
    error = ApiError(to_status(EXAMPLES[0][0]))
    (request,) = error.details(error_details_pb2.BadRequest)
    assert 1 < len(request.field_violations) < 100
    assert error.info.metadata["violation_count"] == "100"
    assert error.info.metadata["field"] == FAULT.field


def test_one_violation_is_always_listed():
    """A fault that alone is longer than the list may be is still named."""
    huge = FieldViolation("f" * 4_000, "x", "y")
    error = ApiError(to_status(domain.InvalidValueError.of([huge, FAULT])))
    assert list(error.violations) == ["f" * 4_000]


# What is put into the text of each, piece by piece; each piece unlike the others.
PIECES: list[tuple[NearturnError, set[str]]] = [
    (domain.InvalidValueError("quantity", 7001, "1 to 6000"), {"quantity", "7001"}),
    (
        domain.InvalidPolicyError([FieldViolation("radius_m", "7001", "up to 6000")]),
        {"radius_m", "7001", "up to 6000"},
    ),
    (
        domain.RequestReusedError("8d1f3a52-6f0e-4c57-9a53-0d6d4f7b2c11", "aa", "bb"),
        {"8d1f3a52-6f0e-4c57-9a53-0d6d4f7b2c11", "aa", "bb"},
    ),
    (domain.NotFoundError("demand", "d 17"), {"demand", "d 17"}),
    (
        domain.AlreadyExistsError("return", "r 17", "aa", "bb"),
        {"return", "r 17", "aa", "bb"},
    ),
    (
        domain.StateConflictError("match", "m 17", "RELEASED", "confirming", "ACTIVE"),
        {"match", "m 17", "RELEASED", "confirming", "ACTIVE"},
    ),
    (
        domain.NotReadyError("policy version 17", ()),
        {"policy version 17"},
    ),
    (
        domain.VersionMismatchError("warehouse", "w 17", "4", "3"),
        {"warehouse", "w 17", "4", "3"},
    ),
    (domain.LimitExceededError("open demands", 21, 20), {"open demands", "21", "20"}),
    (RateExceededError("caller calls per second", 30, 1), {"30"}),
]


@pytest.mark.parametrize(
    ("error", "pieces"), PIECES, ids=lambda each: type(each).__name__
)
def test_what_the_text_says_is_in_the_metadata_too(
    error: NearturnError, pieces: set[str]
):
    """
    No program has to take a text apart (AIP-193): ids, states, hashes by name.

    Each piece is in the text, and is a value of the ErrorInfo.
    """
    metadata = dict(ApiError(to_status(error)).info.metadata)
    assert all(piece in str(error) for piece in pieces)
    assert pieces <= set(metadata.values()), metadata


def test_every_error_that_names_something_names_it_for_programs():
    """The list above leaves no row out but those whose text is the same for all."""
    plain = {
        UnauthenticatedError,  # a cause, which is in the metadata
        AccessDeniedError,  # names the caller, who knows
        domain.UnavailableError,  # nothing of it is told
        domain.NotOwnerError,  # as above; the holder is in the metadata
        FencedError,
        domain.InvalidProblemError,  # a fault of ours
        domain.CertificateError,
    }
    assert {type(error) for error, _ in PIECES} == mapped_errors() - plain


def test_who_reads_an_unknown_id_is_told_which():
    """As its resource too, with the kind of thing that it was taken for."""
    error = ApiError(to_status(domain.NotFoundError("demand", "d 17")))
    assert dict(error.info.metadata) == {"kind": "demand", "id": "d 17"}
    (resource,) = error.details(error_details_pb2.ResourceInfo)
    assert (resource.resource_type, resource.resource_name) == ("demand", "d 17")


@pytest.mark.parametrize(
    "error",
    [
        KeyError("secret"),
        AssertionError("secret"),
        domain.InvalidProblemError("secret"),
        domain.UnavailableError("secret"),
        type("LaterError", (NearturnError,), {})("secret"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_ours_alone_does_not_leak(error: Exception):
    """Neither text nor class of an inner fault is told; an id finds it in the log."""
    with capture_logs() as lines:
        status = to_status(error)
    assert "secret" not in str(status)
    assert type(error).__name__ not in str(status)
    (line,) = lines
    assert line["error_id"] == ApiError(status).info.metadata["error_id"]
