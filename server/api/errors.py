"""One table from the domain's errors to gRPC statuses with their details."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from matcher.domain.errors import (
    AlreadyExistsError,
    CertificateError,
    InvalidPolicyError,
    InvalidProblemError,
    InvalidValueError,
    LimitExceededError,
    NearturnError,
    NotFoundError,
    NotOwnerError,
    NotReadyError,
    RequestReusedError,
    StateConflictError,
    UnavailableError,
    VersionMismatchError,
)
from server.access.refusal import (
    AccessDeniedError,
    RateExceededError,
    UnauthenticatedError,
)
from server.storage.lease import FencedError

#: Domain of every ErrorInfo.
DOMAIN = "nearturn"

#: When a caller may try again what is unavailable.
RETRY_AFTER_S = 1

#: Bytes of the violations that one status lists. A status travels in the trailers
#: of a call, in base64 beside its text, and clients refuse trailers over 8 KiB: a
#: longer list would turn INVALID_ARGUMENT into RESOURCE_EXHAUSTED.
LISTED_BYTES_MAX = 3 * 1024

# Bytes of the text; as a header each may take three.
_TEXT_BYTES_MAX = 400

log = structlog.get_logger(__name__)

E = TypeVar("E", bound=NearturnError)


@dataclass(frozen=True, slots=True)
class _Row:
    """Status code, reason of the ErrorInfo, its metadata, and further details."""

    code: int
    reason: str
    details: Callable[..., list[Message]]
    metadata: Callable[..., dict[str, str]]


def _nothing(_error: NearturnError) -> dict[str, str]:
    return {}


def _no_details(_error: NearturnError) -> list[Message]:
    return []


def _bad_request(error: InvalidValueError) -> list[Message]:
    request = error_details_pb2.BadRequest()
    for each in error.violations:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=each.field,
            description=f"got {each.value}; accepted: {each.accepted}",
        )
        size = request.ByteSize() + violation.ByteSize()
        if request.field_violations and size > LISTED_BYTES_MAX:
            break
        request.field_violations.append(violation)
    return [request]


def _request_id(error: RequestReusedError) -> list[Message]:
    accepted = "an id of its own for each request"
    reused = InvalidValueError("request_id", error.request_id, accepted)
    return _bad_request(reused)


def _first(error: InvalidValueError) -> dict[str, str]:
    first = error.violations[0]
    return {
        "field": first.field,
        "value": first.value,
        "accepted": first.accepted,
        "violation_count": str(len(error.violations)),
    }


def _entity(
    error: NotFoundError
    | AlreadyExistsError
    | StateConflictError
    | VersionMismatchError,
) -> dict[str, str]:
    return {"kind": error.kind, "id": error.entity_id}


def _hashes(error: AlreadyExistsError | RequestReusedError) -> dict[str, str]:
    return {
        "stored_hash": error.stored_hash,
        "received_hash": error.received_hash,
    }


def _taken(error: AlreadyExistsError) -> dict[str, str]:
    return {**_entity(error), **_hashes(error)}


def _reused(error: RequestReusedError) -> dict[str, str]:
    return {"request_id": error.request_id, **_hashes(error)}


def _resource(
    error: NotFoundError | AlreadyExistsError | VersionMismatchError,
) -> list[Message]:
    return [
        error_details_pb2.ResourceInfo(
            resource_type=error.kind,
            resource_name=error.entity_id,
            description=_cut(str(error)),
        )
    ]


def _precondition(error: StateConflictError) -> list[Message]:
    return [
        error_details_pb2.PreconditionFailure(
            violations=[
                error_details_pb2.PreconditionFailure.Violation(
                    type="STATE",
                    subject=f"{error.kind} {error.entity_id}".strip(),
                    description=_cut(str(error)),
                )
            ]
        )
    ]


def _state(error: StateConflictError) -> dict[str, str]:
    return {
        **_entity(error),
        "state": error.state,
        "move": error.move,
        "allowed": error.allowed,
    }


def _shortfalls(error: NotReadyError) -> list[Message]:
    failure = error_details_pb2.PreconditionFailure()
    for each in error.shortfalls:
        violation = error_details_pb2.PreconditionFailure.Violation(
            type=each.kind, subject=each.subject, description=_cut(each.description)
        )
        size = failure.ByteSize() + violation.ByteSize()
        if failure.violations and size > LISTED_BYTES_MAX:
            break
        failure.violations.append(violation)
    return [failure]


def _shortfall_count(error: NotReadyError) -> dict[str, str]:
    return {"what": error.what, "shortfall_count": str(len(error.shortfalls))}


def _etags(error: VersionMismatchError) -> dict[str, str]:
    return {
        **_entity(error),
        "current_etag": error.current_etag,
        "received_etag": error.received_etag,
    }


def _quota(error: LimitExceededError) -> list[Message]:
    failure = error_details_pb2.QuotaFailure(
        violations=[
            error_details_pb2.QuotaFailure.Violation(
                subject=error.limit, description=str(error)
            )
        ]
    )
    if error.retry_after_s is None:
        return [failure]
    delay = Duration(seconds=error.retry_after_s)
    return [failure, error_details_pb2.RetryInfo(retry_delay=delay)]


def _holder(error: NotOwnerError) -> dict[str, str]:
    return {"holder": error.holder, "address": error.address}


def _limit(error: LimitExceededError) -> dict[str, str]:
    return {
        "limit": error.limit,
        "value": str(error.value),
        "maximum": str(error.maximum),
    }


def _cause(error: UnauthenticatedError) -> dict[str, str]:
    return {"cause": error.cause}


def _denial(error: AccessDeniedError) -> dict[str, str]:
    # What the caller itself has called and shown, and what the contract says of it.
    told = {"cause": error.cause, "method": error.method, "role": error.needed}
    return {name: value for name, value in told.items() if value}


def _rate(error: RateExceededError) -> dict[str, str]:
    return {"limit": error.limit, "maximum": str(error.maximum)}


def _retry_later(error: RateExceededError) -> list[Message]:
    delay = Duration()
    delay.FromMicroseconds(error.retry_after_us)
    failure = error_details_pb2.QuotaFailure()
    failure.violations.add(subject=error.limit, description=str(error))
    return [failure, error_details_pb2.RetryInfo(retry_delay=delay)]


def _retry(_error: UnavailableError) -> list[Message]:
    return [error_details_pb2.RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S))]


_TABLE: dict[type[NearturnError], _Row] = {
    InvalidValueError: _Row(
        code_pb2.INVALID_ARGUMENT, "INVALID_VALUE", _bad_request, _first
    ),
    InvalidPolicyError: _Row(
        code_pb2.INVALID_ARGUMENT, "INVALID_POLICY", _bad_request, _first
    ),
    RequestReusedError: _Row(
        code_pb2.INVALID_ARGUMENT, "REQUEST_REUSED", _request_id, _reused
    ),
    NotFoundError: _Row(code_pb2.NOT_FOUND, "NOT_FOUND", _resource, _entity),
    AlreadyExistsError: _Row(
        code_pb2.ALREADY_EXISTS, "ALREADY_EXISTS", _resource, _taken
    ),
    StateConflictError: _Row(
        code_pb2.FAILED_PRECONDITION, "STATE_CONFLICT", _precondition, _state
    ),
    NotReadyError: _Row(
        code_pb2.FAILED_PRECONDITION, "NOT_READY", _shortfalls, _shortfall_count
    ),
    VersionMismatchError: _Row(code_pb2.ABORTED, "VERSION_MISMATCH", _resource, _etags),
    LimitExceededError: _Row(
        code_pb2.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED", _quota, _limit
    ),
    UnauthenticatedError: _Row(
        code_pb2.UNAUTHENTICATED, "UNAUTHENTICATED", _no_details, _cause
    ),
    AccessDeniedError: _Row(
        code_pb2.PERMISSION_DENIED, "ACCESS_DENIED", _no_details, _denial
    ),
    RateExceededError: _Row(
        code_pb2.RESOURCE_EXHAUSTED, "RATE_EXCEEDED", _retry_later, _rate
    ),
    UnavailableError: _Row(code_pb2.UNAVAILABLE, "UNAVAILABLE", _retry, _nothing),
    NotOwnerError: _Row(code_pb2.UNAVAILABLE, "NOT_OWNER", _retry, _holder),
    FencedError: _Row(code_pb2.UNAVAILABLE, "NOT_OWNER", _retry, _holder),
}

# Faults of ours, since callers never hand over graphs: nothing of them is told.
_INTERNAL: dict[type[NearturnError], str] = {
    InvalidProblemError: "INVALID_PROBLEM",
    CertificateError: "CERTIFICATE_REFUSED",
}


def mapped_errors() -> frozenset[type[NearturnError]]:
    """Return the classes that the table knows."""
    return frozenset(_TABLE) | frozenset(_INTERNAL)


def to_status(error: BaseException) -> status_pb2.Status:
    """
    Return the status of an error, with exactly one ErrorInfo.

    Parameters
    ----------
    error
        What a call ended with. One that the table does not know is INTERNAL, and
        nothing of it leaks: it is logged under an id that the caller gets. So is
        the cause of UNAVAILABLE, which may name files or other calls.

    Returns
    -------
    google.rpc.Status
        Small enough for the trailers of a call: a long list of violations is cut,
        and ``violation_count`` in the ErrorInfo says how many were found.
    """
    row = _TABLE.get(type(error)) if isinstance(error, NearturnError) else None
    if row is None:
        return _internal(error)
    metadata, text = row.metadata(error), str(error)
    if isinstance(error, UnavailableError):
        metadata["error_id"] = _logged("unavailable", error)
        text = "the server cannot serve this call now; please repeat it"
    info = error_details_pb2.ErrorInfo(
        reason=row.reason, domain=DOMAIN, metadata=metadata
    )
    status = status_pb2.Status(code=row.code, message=_cut(text))
    status.details.extend(_packed(each) for each in (info, *row.details(error)))
    return status


def code_name(error: BaseException) -> str:
    """Return the name of the status code of an error, as :func:`to_status` has it."""
    row = _TABLE.get(type(error)) if isinstance(error, NearturnError) else None
    return str(code_pb2.Code.Name(code_pb2.INTERNAL if row is None else row.code))


def _internal(error: BaseException) -> status_pb2.Status:
    error_id = _logged("unforeseen_error", error)
    kind = type(error)
    reason = _INTERNAL.get(kind) if issubclass(kind, NearturnError) else None
    info = error_details_pb2.ErrorInfo(
        reason=reason or "INTERNAL", domain=DOMAIN, metadata={"error_id": error_id}
    )
    status = status_pb2.Status(
        code=code_pb2.INTERNAL, message=f"internal error {error_id}"
    )
    status.details.append(_packed(info))
    return status


def _logged(event: str, error: BaseException) -> str:
    # The id by which a caller's report finds the log's line.
    error_id = str(uuid.uuid4())
    if isinstance(error, UnavailableError):
        log.warning(event, error_id=error_id, error=str(error))
    else:
        log.error(event, error_id=error_id, exc_info=error)
    return error_id


def _cut(text: str) -> str:
    raw = text.encode()
    if len(raw) <= _TEXT_BYTES_MAX:
        return text
    return raw[: _TEXT_BYTES_MAX - 3].decode(errors="ignore") + "..."


def _packed(message: Message) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed
