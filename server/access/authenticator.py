"""From what comes with a call to who makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from server.access.api_keys import PREFIX, ApiKeys
from server.access.caller import Caller
from server.access.client_names import ClientNames
from server.access.local_callers import LocalCallers, Metadata
from server.access.refusal import UnauthenticatedError
from server.access.tokens import TOKEN_BYTES_MAX, Tokens
from server.access.watched_file import WatchedFile
from server.runtime.clock import Clock, system_clock

#: Tells what the connection knows of its other end; asked only where it matters.
Peer = Callable[[], Mapping[str, Iterable[bytes]]]


@dataclass(frozen=True, slots=True)
class Authenticator:
    """
    Knows callers by the credentials that a server takes.

    A key or token in the metadata ``authorization: Bearer ...`` goes before a client
    certificate: whoever shares a connection speaks for itself. What is taken here is
    never passed over: if it is wrong, the call is refused.

    Parameters
    ----------
    keys, tokens, clients
        The kinds that are taken; ``None`` for one that is not.
    local
        Who calls without any, of any of some tenants; ``None`` for nobody.
    """

    keys: WatchedFile[ApiKeys] | None = None
    tokens: Tokens | None = None
    clients: WatchedFile[ClientNames] | None = None
    local: LocalCallers | None = None
    clock: Clock = system_clock

    async def caller(self, metadata: Metadata, peer: Peer) -> Caller:
        """
        Return who makes a call.

        Raises
        ------
        UnauthenticatedError
            If nobody can tell.
        """
        metadata = list(metadata)
        given = [value for key, value in metadata if key == "authorization"]
        if len(given) > 1:
            raise UnauthenticatedError("malformed", "more than one authorization")
        if given:
            return await self._bearer(given[0], metadata)
        if self.clients is not None:
            return self.clients.value().caller(peer())
        if self.local is not None:
            return self.local.caller(metadata)
        raise UnauthenticatedError(
            "missing", "none; send the metadata `authorization: Bearer KEY-OR-TOKEN`"
        )

    async def _bearer(self, value: str | bytes, metadata: Metadata) -> Caller:
        text = value if isinstance(value, str) else value.decode(errors="replace")
        scheme, _, credential = text.partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(credential) <= TOKEN_BYTES_MAX:
            raise UnauthenticatedError(
                "malformed", "an authorization that is not `Bearer KEY-OR-TOKEN`"
            )
        if credential.startswith(PREFIX):
            if self.keys is not None:
                return self.keys.value().caller(credential, self.clock())
        elif self.tokens is not None:
            return await self.tokens.caller(credential, self.clock())
        if self.local is not None:
            return self.local.caller(metadata)
        kind = "API keys" if credential.startswith(PREFIX) else "tokens"
        raise UnauthenticatedError("unsupported", f"no {kind} are taken here")
