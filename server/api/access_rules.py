"""Which role each method needs, as the contract says."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from nearturn.v1 import access_pb2
from server.access.role import Role

#: Services that probes call before they have anything to show: they tell of nothing
#: but whether the server serves.
OPEN_SERVICES = frozenset({"grpc.health.v1.Health"})

#: Services that are not of our contract, and the role for each of their methods.
FOREIGN_SERVICES = {
    "grpc.reflection.v1.ServerReflection": Role.READ,
    "grpc.reflection.v1alpha.ServerReflection": Role.READ,
}


def role_of(method: MethodDescriptor) -> Role | None:
    """Return the role that a method names; ``None`` if it names none."""
    number = method.GetOptions().Extensions[access_pb2.role]
    return Role(number) if number else None


def method_path(method: MethodDescriptor) -> str:
    """Return the path by which a method is called."""
    return f"/{method.containing_service.full_name}/{method.name}"


class AccessRules:
    """
    The rules of a server; what has none is open to nobody.

    Parameters
    ----------
    services
        Services of the contract.
    """

    def __init__(self, services: Iterable[ServiceDescriptor]) -> None:
        self._roles = {
            method_path(method): role
            for service in services
            for method in service.methods
            if (role := role_of(method)) is not None
        }

    def is_open(self, path: str) -> bool:
        """Say whether anybody may call a method."""
        return _service(path) in OPEN_SERVICES

    def needed(self, path: str) -> Role | None:
        """Return the role that a method needs; ``None`` for one without a rule."""
        return self._roles.get(path) or FOREIGN_SERVICES.get(_service(path))


def _service(path: str) -> str:
    return path.strip("/").rpartition("/")[0]
