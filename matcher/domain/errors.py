"""
Every exception the engine raises on purpose.

The tree is small so that a caller can decide by class what to do::

    NearturnError
    ├── InvalidValueError        a value is outside its accepted range
    │   └── InvalidPolicyError   a policy document is not acceptable (all faults)
    ├── InvalidProblemError      arrays handed to a kernel do not form a problem
    ├── CertificateError         a certificate does not prove its assignment
    ├── NotFoundError            the id is not known in this tenant
    ├── AlreadyExistsError       the id is taken by another payload
    ├── StateConflictError       the entity is not in a state that allows the move
    ├── NotReadyError            something is missing before a version comes into force
    ├── VersionMismatchError     the caller's etag is not the current one
    ├── RequestReusedError       a request id came back with another payload
    ├── LimitExceededError       a documented limit would be passed
    └── UnavailableError         the shard cannot serve this now; retry may help
        └── NotOwnerError        another server decides for the shard
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


class NearturnError(Exception):
    """Base of all errors that nearturn raises on purpose."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One faulty field: its path, the value seen, and what is accepted."""

    field: str
    value: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.field}: got {self.value}; accepted: {self.accepted}"


class InvalidValueError(NearturnError):
    """
    A value is outside its accepted range.

    Parameters
    ----------
    field
        Path of the field, dots between levels, ``[i]`` for list items.
    value
        The offending value; shown with ``repr`` and cut to 80 characters.
    accepted
        The accepted range in words, units included.
    """

    def __init__(self, field: str, value: object, accepted: str) -> None:
        self.violations: tuple[FieldViolation, ...] = (
            FieldViolation(field, _short(value), accepted),
        )
        super().__init__(str(self.violations[0]))

    @classmethod
    def of(cls, violations: Sequence[FieldViolation]) -> Self:
        """Return one error for several faults, all of them listed."""
        error = cls.__new__(cls)
        error.violations = tuple(violations)
        error.args = ("; ".join(str(violation) for violation in violations),)
        return error

    def under(self, field: str) -> Self:
        """Return the error with a field's path in front of every violation."""
        return type(self).of(
            [
                FieldViolation(f"{field}.{each.field}", each.value, each.accepted)
                for each in self.violations
            ]
        )


class InvalidPolicyError(InvalidValueError):
    """A policy document has one or more faults; all are listed."""

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        self.violations = tuple(
            FieldViolation(each.field, _cut(each.value), each.accepted)
            for each in violations
        )
        NearturnError.__init__(self, "; ".join(str(each) for each in self.violations))


class InvalidProblemError(NearturnError):
    """Arrays handed to the solver do not form a valid problem."""


class CertificateError(NearturnError):
    """A certificate does not prove its assignment optimal."""


@dataclass(eq=False)
class NotFoundError(NearturnError):
    """No entity of that kind has this id in this tenant."""

    kind: str
    entity_id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_id!r} does not exist"


@dataclass(eq=False)
class AlreadyExistsError(NearturnError):
    """The id was used before with another payload; both hashes are kept."""

    kind: str
    entity_id: str
    stored_hash: str
    received_hash: str

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.entity_id!r} already exists with another payload "
            f"(stored {self.stored_hash}, received {self.received_hash})"
        )


@dataclass(eq=False)
class StateConflictError(NearturnError):
    """The entity's state does not allow the move."""

    kind: str
    entity_id: str
    state: str
    move: str
    allowed: str

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.entity_id!r} is {self.state}; "
            f"{self.move} needs {self.allowed}"
        )


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One thing that is missing: its kind, what it is about, and how to mend it."""

    kind: str
    subject: str
    description: str


@dataclass(eq=False)
class NotReadyError(NearturnError):
    """Something is missing before a version may come into force; all is listed."""

    what: str
    shortfalls: tuple[Shortfall, ...]

    def __str__(self) -> str:
        missing = "; ".join(
            f"{each.kind} {each.subject}: {each.description}"
            for each in self.shortfalls
        )
        return f"{self.what} is not ready: {missing}"


@dataclass(eq=False)
class VersionMismatchError(NearturnError):
    """The caller's etag is stale: somebody changed the entity since."""

    kind: str
    entity_id: str
    current_etag: str
    received_etag: str

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.entity_id!r} has etag {self.current_etag!r}, "
            f"not {self.received_etag!r}; read it again and retry"
        )


@dataclass(eq=False)
class RequestReusedError(NearturnError):
    """A request id came back with another method or payload."""

    request_id: str
    stored_hash: str
    received_hash: str

    def __str__(self) -> str:
        return (
            f"request_id {self.request_id!r} was used for another request "
            f"(stored {self.stored_hash}, received {self.received_hash})"
        )


@dataclass(eq=False)
class LimitExceededError(NearturnError):
    """
    A documented limit would be passed.

    ``retry_after_s`` is when the same call may work, where what is full empties by
    itself; ``None`` where waiting does not help.
    """

    limit: str
    value: int
    maximum: int
    retry_after_s: int | None = None

    def __str__(self) -> str:
        return f"{self.limit}: {self.value} is over the maximum of {self.maximum}"


class UnavailableError(NearturnError):
    """The shard cannot serve this call now; the same call may work later."""


class NotOwnerError(UnavailableError):
    """
    Another server decides for the tenant's shard, or nobody does yet.

    ``holder`` is who has it, empty for nobody; ``address`` is where callers find that
    one, empty if it did not say.
    """

    def __init__(self, tenant: str, holder: str, address: str = "") -> None:
        whose = f"is with server {holder}" if holder else "has no owner yet"
        where = f" at {address}" if address else ""
        super().__init__(f"the shard of tenant {_short(tenant)} {whose}{where}")
        self.holder = holder
        self.address = address


def _short(value: object) -> str:
    # A hostile value may be a megabyte long; the message must not be.
    try:
        text = repr(value)
    except ValueError:
        # Python refuses to print integers of thousands of digits.
        text = f"{type(value).__name__} that is too long to print"
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
