"""Who calls, for whom and with which roles; handlers find it in their context."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from matcher.domain.ids import TenantId
from server.access.role import Role
from server.runtime.working_for import set_working_for


@dataclass(frozen=True, slots=True)
class Caller:
    """
    One caller, as its credentials say.

    ``subject`` names it in logs and in the audit log: ``key:ID`` of an API key,
    ``token:SUBJECT`` of a JWT, ``certificate:NAME`` of a client certificate, or
    ``local`` where none was asked for.
    """

    subject: str
    tenant: TenantId
    roles: frozenset[Role]

    def has(self, role: Role) -> bool:
        """Say whether the caller has a role; an admin has them all."""
        return role in self.roles or Role.ADMIN in self.roles


_CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current_caller() -> Caller | None:
    """Return who made the call that runs; ``None`` outside of calls."""
    return _CALLER.get()


def current_subject() -> str:
    """Return the name of who made the call that runs; empty outside of calls."""
    caller = _CALLER.get()
    return "" if caller is None else caller.subject


def current_tenant() -> TenantId:
    """
    Return whom the call that runs is for, as its caller's credentials say.

    Nothing else says it: outside of calls it breaks, as a fault of ours.
    """
    caller = _CALLER.get()
    assert caller is not None, "a tenant is of a call"
    return caller.tenant


def enter_call(caller: Caller) -> None:
    """Note who made the call that this task carries out."""
    _CALLER.set(caller)
    set_working_for(caller.tenant)
