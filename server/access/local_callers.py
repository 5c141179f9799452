"""Who calls a server that asks for no credentials: somebody on the same machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from matcher.domain.ids import TenantId
from server.access.caller import Caller
from server.access.refusal import AccessDeniedError
from server.access.role import Role

#: What comes beside a call: names in lower case, and values.
Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]

#: Name of the metadata by which such a caller says whose data it wants.
TENANT_KEY = "nearturn-tenant"


@dataclass(frozen=True, slots=True)
class LocalCallers:
    """
    Callers without credentials, who may do everything.

    Parameters
    ----------
    tenants
        Those of the server. If it is one, callers are of that one; of several, each
        call names one in the metadata ``nearturn-tenant``. Where credentials are asked
        for, nobody is a caller of this kind, and that metadata says nothing.
    """

    tenants: Sequence[TenantId]

    def caller(self, metadata: Metadata) -> Caller:
        """
        Return who calls.

        Raises
        ------
        AccessDeniedError
            If it names no tenant of several, or more than one.
        """
        named = [_text(value) for key, value in metadata if key == TENANT_KEY]
        if len(named) > 1 or (not named and len(self.tenants) > 1):
            raise AccessDeniedError(
                "tenant",
                f"got {len(named)} tenants; accepted: one, in the metadata "
                f"{TENANT_KEY}, for this server keeps the data of several",
            )
        tenant = TenantId(named[0]) if named else self.tenants[0]
        return Caller("local", tenant, frozenset({Role.ADMIN}))


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")
