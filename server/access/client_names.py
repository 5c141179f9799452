"""Names in client certificates, and whom they stand for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import TenantId, check_id
from server.access.caller import Caller
from server.access.refusal import UnauthenticatedError
from server.access.role import roles_of

# Kinds of subject alternative names, by what gRPC calls them.
_KINDS = {"peer_uri": "uri", "peer_dns": "dns", "peer_email": "email"}

_ACCEPTED = 'tables [[client]] with name = "uri:...", tenant and roles'


@dataclass(frozen=True, slots=True)
class ClientNames:
    """Callers by the names of their certificates, such as ``uri:spiffe://brand/orders``."""

    by_name: dict[str, Caller] = field(default_factory=dict)

    def caller(self, peer: Mapping[str, Iterable[bytes]]) -> Caller:
        """
        Return whose certificate it is.

        Parameters
        ----------
        peer
            What the connection knows of its other end, after the handshake.

        Raises
        ------
        UnauthenticatedError
            If no name stands for a caller, or several do for different ones.
        """
        names = [
            f"{_KINDS[kind]}:{value.decode(errors='replace')}"
            for kind, values in peer.items()
            if kind in _KINDS
            for value in values
        ]
        found = {self.by_name[name] for name in names if name in self.by_name}
        if not found:
            raise UnauthenticatedError(
                "unknown", "the client certificate names nobody who may call"
            )
        if len(found) > 1:
            raise UnauthenticatedError(
                "claims", "the client certificate names several callers"
            )
        return found.pop()


def read_client_names(raw: bytes) -> ClientNames:
    """
    Read the file that gives names their tenants and roles.

    Raises
    ------
    InvalidValueError
        If it is no such file.
    """
    try:
        document = tomllib.loads(raw.decode())
    except (UnicodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidValueError("tls_clients", str(error), _ACCEPTED) from error
    clients = document.pop("client", [])
    if document or not isinstance(clients, list):
        raise InvalidValueError("tls_clients", sorted(document), _ACCEPTED)
    by_name: dict[str, Caller] = {}
    for index, client in enumerate(clients):
        try:
            caller = _caller(client)
        except InvalidValueError as error:
            raise error.under(f"tls_clients.client[{index}]") from error
        name = caller.subject.removeprefix("certificate:")
        if name in by_name:
            raise InvalidValueError(f"tls_clients.client[{index}].name", name, "once")
        by_name[name] = caller
    return ClientNames(by_name)


def _caller(client: object) -> Caller:
    if not isinstance(client, dict) or set(client) != {"name", "tenant", "roles"}:
        raise InvalidValueError("", client, _ACCEPTED)
    name, tenant, roles = client["name"], client["tenant"], client["roles"]
    kind, _, rest = str(name).partition(":")
    if kind not in _KINDS.values() or not rest:
        raise InvalidValueError("name", name, '"uri:...", "dns:..." or "email:..."')
    if not isinstance(tenant, str):
        raise InvalidValueError("tenant", tenant, "text")
    check_id("tenant", tenant)
    if not isinstance(roles, list):
        raise InvalidValueError("roles", roles, "a list of roles")
    return Caller(f"certificate:{name}", TenantId(tenant), roles_of("roles", roles))
