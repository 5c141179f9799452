"""Every method of the contract is served, under its own name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

import nearturn.v1
from server.api.registration import Registration, services
from server.runtime.runtime import Runtime


def _declared() -> set[str]:
    folder = Path(nearturn.v1.__path__[0])
    modules = [path.stem for path in folder.glob("*_service_pb2.py")]
    return {
        service.full_name
        for module in modules
        for service in import_module(
            f"nearturn.v1.{module}"
        ).DESCRIPTOR.services_by_name.values()
    }


def test_every_service_of_the_contract_is_registered():
    """Nothing is declared that is not served (issue 2, Contract)."""
    assert {service.full_name for service in services()} == _declared()


def test_every_method_has_a_handler_of_its_kind():
    """Streams are streams on both sides, as the contract has them."""
    handlers = Registration(cast(Runtime, None)).by_path()
    for service in services():
        for method in service.methods:
            handler = handlers[f"/{service.full_name}/{method.name}"]
            kinds = (method.client_streaming, method.server_streaming)
            assert (handler.request_streaming, handler.response_streaming) == kinds
            # Bytes in, bytes out: gRPC decodes and encodes nothing.
            assert handler.request_deserializer is None
            assert handler.response_serializer is None
