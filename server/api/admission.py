"""Who is let in to a method, whatever protocol the call came by."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager

from matcher.domain.ids import TenantId
from server.access.authenticator import Authenticator, Peer
from server.access.call_limiter import CallLimiter, Usage
from server.access.caller import Caller, enter_call
from server.access.local_callers import Metadata
from server.access.refusal import (
    AccessDeniedError,
    RateExceededError,
    UnauthenticatedError,
)
from server.api.access_log import AccessLine
from server.api.access_rules import AccessRules
from server.api.call_watch import CallWatch, UnwatchedCalls
from server.api.errors import code_name

#: What :meth:`Admission.admit` ends with where a call is not let in.
REFUSALS = (UnauthenticatedError, AccessDeniedError, RateExceededError)


class _Counted:
    """A call that is counted while it runs."""

    __slots__ = ("_of_caller", "_of_tenant")

    def __init__(self, of_caller: Usage, of_tenant: Usage) -> None:
        self._of_caller = of_caller
        self._of_tenant = of_tenant

    def __enter__(self) -> None:
        """Begin: it has been counted already."""

    def __exit__(self, *_: object) -> None:
        """Count it no more."""
        self._of_caller.leave()
        self._of_tenant.leave()


class Admission:
    """
    Lets in whom the contract lets in, and notes who it is.

    Every door of a server asks the same one: roles are checked, and calls counted,
    in one place.

    Parameters
    ----------
    rules
        Which role each method needs.
    authenticator
        Knows callers.
    served
        The tenants of the server; callers of others are refused.
    callers, tenants
        Limits of each caller, and of all callers of a tenant.
    watch
        Is told of the calls that are refused; of others their handlers tell it.
    """

    def __init__(
        self,
        rules: AccessRules,
        authenticator: Authenticator,
        served: Collection[TenantId],
        *,
        callers: CallLimiter,
        tenants: CallLimiter,
        watch: CallWatch | None = None,
    ) -> None:
        self._rules = rules
        self._authenticator = authenticator
        self._served = frozenset(served)
        self._callers = callers
        self._tenants = tenants
        self._watch = watch or UnwatchedCalls()

    def is_open(self, path: str) -> bool:
        """Say whether anybody may call a method; of those nobody is asked for."""
        return self._rules.is_open(path)

    async def admit(
        self, path: str, metadata: Metadata, peer: Peer
    ) -> AbstractContextManager[object]:
        """
        Let a call in, and note its caller for the task that carries it out.

        Parameters
        ----------
        path
            The method, as ``/PACKAGE.SERVICE/METHOD``.
        metadata
            What came beside the request: pairs whose names are in lower case.
        peer
            Tells what the connection knows of its other end.

        Returns
        -------
        AbstractContextManager
            Counts the call; to be left when it has ended, however it did.

        Raises
        ------
        UnauthenticatedError, AccessDeniedError, RateExceededError
            If it is not let in. The log and the watch have been told.
        """
        try:
            caller = await self._authenticator.caller(metadata, peer)
            enter_call(caller)
            self._check(path, caller)
            return self._counted(caller)
        except REFUSALS as error:
            if isinstance(error, AccessDeniedError):
                error.method = _method(path)
            self._tell(path, metadata, error)
            raise

    def _check(self, path: str, caller: Caller) -> None:
        if caller.tenant not in self._served:
            # Whose server this is, is none of their business.
            raise AccessDeniedError("tenant", "this server is not for that tenant")
        role = self._rules.needed(path)
        if role is None:
            raise AccessDeniedError("rule", "the method is open to nobody")
        if not caller.has(role):
            name = role.name.lower()
            raise AccessDeniedError(
                "role", f"{caller.subject} lacks the role {name}", name
            )

    def _counted(self, caller: Caller) -> AbstractContextManager[object]:
        # The same subject may be somebody else's in another tenant.
        of_caller = self._callers.enter(f"{caller.tenant}\0{caller.subject}")
        try:
            return _Counted(of_caller, self._tenants.enter(caller.tenant))
        except RateExceededError:
            # The first limit gets its place back if the next one has none.
            of_caller.leave()
            raise

    def _tell(self, path: str, metadata: Metadata, error: Exception) -> None:
        method = _method(path)
        line = AccessLine(method, self._watch.began(method, metadata))
        line.ended(code_name(error))


def _method(path: str) -> str:
    # As descriptors, the log and the metrics name it.
    return path.strip("/").replace("/", ".")
