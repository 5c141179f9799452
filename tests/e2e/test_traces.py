"""Spans of a real server at a real collector, and one that nobody collects from."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from nearturn import Client
from nearturn.v1 import return_service_pb2
from tests.contract.messages import return_item, timestamp, verification
from tests.scenarios.server_process import ServerProcess, now_us

pytestmark = pytest.mark.e2e

_TRACE, _SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes spans by OTLP and keeps them."""

    def __init__(self) -> None:
        self.requests: list[pb.ExportTraceServiceRequest] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def Export(  # noqa: N802 - as the protocol names it
        self, request: pb.ExportTraceServiceRequest, _context: grpc.ServicerContext
    ) -> pb.ExportTraceServiceResponse:
        """Keep a batch."""
        self.requests.append(request)
        return pb.ExportTraceServiceResponse()

    def spans(self) -> list[Span]:
        """Return all spans."""
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def close(self) -> None:
        """Stop taking any."""
        self._server.stop(None).wait()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Run a collector on loopback."""
    running = Collector()
    yield running
    running.close()


def _server(folder: Path, port: int) -> ServerProcess:
    settings = folder / "nearturn.toml"
    settings.write_text(f'trace_endpoint = "http://127.0.0.1:{port}"\n')
    return ServerProcess(folder, "--no-timers", "--config", str(settings))


def _submit(address: str) -> None:
    item = return_item(
        "secret-return",
        verification=verification(verify_time=timestamp(now_us() - 60_000_000)),
        decide_by_time=timestamp(now_us() + 3_600_000_000),
    )
    request = return_service_pb2.SubmitReturnRequest(return_item=item)
    with Client(address) as client:
        parent = (("traceparent", f"00-{_TRACE}-{_SPAN}-01"),)
        client.returns.SubmitReturn(request, metadata=parent)


def test_a_decision_is_one_trace_at_the_collector(
    tmp_path: Path, collector: Collector
) -> None:
    """
    The call under its caller's span, its three steps under it, none with an id.

    The server is told to stop at once: what the batch still held goes out first.
    """
    with _server(tmp_path, collector.port) as server:
        _submit(server.address)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    spans = [s for s in collector.spans() if s.trace_id.hex() == _TRACE]
    (call,) = [span for span in spans if span.parent_span_id.hex() == _SPAN]
    assert call.name == "nearturn.v1.ReturnService/SubmitReturn"
    steps = {span.name for span in spans if span.parent_span_id == call.span_id}
    assert steps == {"queue", "engine", "commit"}
    (resource, *_) = collector.requests[0].resource_spans
    names = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert names["service.name"] == "nearturn"
    assert not any(b"secret" in each.SerializeToString() for each in collector.requests)
    assert f'"trace_id": "{_TRACE}"' in server.logged()


def test_nobody_waits_for_a_collector_that_is_away(tmp_path: Path) -> None:
    """
    Calls are answered, and the server ends in order with spans that it cannot send.

    It gives up on them some seconds after it was told to stop.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with _server(tmp_path, port) as server:
        _submit(server.address)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    assert '"event": "stopped"' in server.logged()
    assert "Traceback" not in server.logged()
