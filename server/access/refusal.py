"""Why a call is not let in; :mod:`server.api.errors` maps each to its status."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.errors import NearturnError


@dataclass
class UnauthenticatedError(NearturnError):
    """
    Nobody can tell who calls.

    ``cause`` is one word for programs: missing, malformed, unknown, expired, early,
    revoked, signature, algorithm, audience, issuer, claims or unsupported. Neither it
    nor ``text`` holds anything of the credential.
    """

    cause: str
    text: str

    def __str__(self) -> str:
        return f"credentials: {self.text}"


@dataclass
class AccessDeniedError(NearturnError):
    """
    The caller is known and may not do this.

    ``cause`` is ``role``, ``tenant``, or ``rule`` where the method has none. ``needed``
    is the role that would do, where that is what is missing. ``method`` is what was
    called, which is known where calls are let in.
    """

    cause: str
    text: str
    needed: str = ""
    method: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass
class RateExceededError(NearturnError):
    """A caller, or all of a tenant, calls more often than it may."""

    limit: str
    maximum: int
    retry_after_us: int

    def __str__(self) -> str:
        seconds = self.retry_after_us / 1_000_000
        return (
            f"{self.limit}: over the maximum of {self.maximum:,}; "
            f"try again in {seconds:.3f} s"
        )
