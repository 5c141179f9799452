"""The spans of calls and rounds: whose they are, in which order, and what they hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from nearturn.async_client import AsyncClient
from nearturn.v1 import (
    demand_service_pb2,
    match_service_pb2,
    policy_service_pb2,
    return_service_pb2,
)
from server.runtime.call import RoundCall
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.opening import open_store
from server.telemetry.telemetry import Telemetry
from server.telemetry.tracing import Tracing
from tests.contract.api_target import TENANT, HandClock, SocketServer
from tests.contract.messages import activation, demand, policy, return_item

_TRACE, _SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
_SUBMIT = "nearturn.v1.ReturnService/SubmitReturn"
_WAY = ["queue", "engine", "commit"]


@dataclass
class Traced:
    """A server whose spans are kept in memory."""

    client: AsyncClient
    runtime: Runtime
    tracing: Tracing
    exporter: InMemorySpanExporter

    def spans(self) -> list[ReadableSpan]:
        """Return the spans so far, as they began."""
        assert self.tracing._provider.force_flush()
        found = self.exporter.get_finished_spans()
        return sorted(found, key=lambda span: span.start_time or 0)

    def below(self, parent: ReadableSpan) -> list[str]:
        """Return the names right below a span, as they began."""
        assert parent.context is not None
        own = parent.context.span_id
        return [s.name for s in self.spans() if s.parent and s.parent.span_id == own]

    def named(self, name: str) -> ReadableSpan:
        """Return the one span of a name."""
        (found,) = [span for span in self.spans() if span.name == name]
        return found


@pytest.fixture
async def traced(
    tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Traced]:
    """Run a server over a socket that records all, or none of what begins in it."""
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, getattr(request, "param", 100), "1")
    telemetry = Telemetry([tracing])
    runtime = Runtime(
        open_store(f"sqlite:///{tmp_path / 'test.db'}"),
        clock=HandClock(),
        options=RuntimeOptions(tenants=(TENANT,), threads=1, runs_timers=False),
        watch=telemetry,
    )
    await runtime.start()
    async with (
        SocketServer(runtime, telemetry) as server,
        AsyncClient(server.address) as client,
    ):
        yield Traced(client, runtime, tracing, exporter)
    await runtime.stop()
    tracing.close()


async def _prepare(client: AsyncClient) -> None:
    created = await client.policies.CreatePolicy(
        policy_service_pb2.CreatePolicyRequest(policy=policy())
    )
    await client.policies.ActivatePolicy(activation(created.policy.version))
    await client.demands.UpsertDemand(
        demand_service_pb2.UpsertDemandRequest(demand=demand("secret-demand"))
    )


async def _submit(client: AsyncClient, flags: str, return_id: str = "secret") -> None:
    request = return_service_pb2.SubmitReturnRequest(return_item=return_item(return_id))
    parent = (("traceparent", f"00-{_TRACE}-{_SPAN}-{flags}"),)
    await client.returns.SubmitReturn(request, metadata=parent)


async def test_a_call_continues_its_callers_trace(traced: Traced) -> None:
    """Under the caller's span: the call, and its way through queue, engine, commit."""
    await _submit(traced.client, "01")
    call = traced.named(_SUBMIT)
    assert call.kind is SpanKind.SERVER
    assert call.parent is not None
    assert format_span_id(call.parent.span_id) == _SPAN
    assert traced.below(call) == _WAY
    spans = traced.spans()
    assert {format_trace_id(s.context.trace_id) for s in spans if s.context} == {_TRACE}
    assert call.attributes is not None
    assert call.attributes["rpc.response.status_code"] == "OK"


async def test_the_way_of_a_write_has_no_hole(traced: Traced) -> None:
    """Each step begins where the one before it ended, after the call has begun."""
    await _submit(traced.client, "01")
    call = traced.named(_SUBMIT)
    queue, engine, commit = map(traced.named, _WAY)
    assert call.start_time is not None
    assert queue.start_time is not None
    assert queue.end_time is not None
    assert call.start_time <= queue.start_time <= queue.end_time
    assert engine.start_time == queue.end_time
    assert commit.start_time == engine.end_time


async def test_a_round_has_its_stages_below_it(traced: Traced) -> None:
    """Both halves go through the queue; what is solved between is on its own thread."""
    await _prepare(traced.client)
    await _submit(traced.client, "00")
    await traced.client.matches.RunRound(match_service_pb2.RunRoundRequest())
    call = traced.named("nearturn.v1.MatchService/RunRound")
    assert traced.below(call) == ["round"]
    names = traced.below(traced.named("round"))
    stages = [name for name in names if name not in _WAY]
    assert stages == ["collect", "solve", "check", "prove", "shadows", "finish"]
    assert [names.count(step) for step in ("queue", "engine")] == [2, 2]


async def test_a_round_that_time_begins_is_a_trace_of_its_own(traced: Traced) -> None:
    """Nobody called: it has no parent, and the calls before it are other traces."""
    await _prepare(traced.client)
    await traced.runtime.run_round(RoundCall(TENANT, lambda _: b""))
    closed = traced.named("round")
    assert closed.parent is None
    assert closed.context is not None
    others = [span for span in traced.spans() if "/" in span.name]
    assert closed.context.trace_id not in {
        span.context.trace_id for span in others if span.context
    }


async def test_a_caller_that_does_not_record_is_left_alone(traced: Traced) -> None:
    """Flags of 0: no span at all, though the server would record what begins here."""
    await _submit(traced.client, "00")
    assert traced.spans() == []


@pytest.mark.parametrize("traced", [0], indirect=True)
async def test_a_share_of_none_leaves_those_that_callers_record(traced: Traced) -> None:
    """What begins here is not recorded; what a caller records is."""
    await _prepare(traced.client)
    assert traced.spans() == []
    await _submit(traced.client, "01")
    assert [span.name for span in traced.spans()] == [_SUBMIT, *_WAY]


async def test_a_call_that_fails_says_so_without_its_text(traced: Traced) -> None:
    """A caller's mistake is no error of the span; its code is there either way."""
    request = demand_service_pb2.GetDemandRequest(demand_id="secret")
    with pytest.raises(grpc.aio.AioRpcError):
        await traced.client.demands.GetDemand(request)
    with pytest.raises(grpc.aio.AioRpcError):
        await traced.client.matches.RunRound(match_service_pb2.RunRoundRequest())
    call = traced.named("nearturn.v1.DemandService/GetDemand")
    assert call.attributes is not None
    assert call.attributes["rpc.response.status_code"] == "NOT_FOUND"
    assert call.status.status_code is StatusCode.UNSET
    assert traced.named("round").status.status_code is StatusCode.ERROR


async def test_nobody_is_in_a_span(traced: Traced) -> None:
    """After a match: no id, person or place in any name, attribute or event."""
    await _prepare(traced.client)
    await _submit(traced.client, "01")
    await traced.client.matches.RunRound(match_service_pb2.RunRoundRequest())
    spans = traced.spans()
    assert len(spans) > 15
    # Not the whole of a span: the seconds of its times can read like a latitude.
    said = [
        (span.name, dict(span.attributes or {}), span.status.description)
        for span in spans
    ]
    events = [
        (event.name, dict(event.attributes or {}))
        for span in spans
        for event in span.events
    ]
    text = repr((said, events))
    assert "SubmitReturn" in text
    for word in ("secret", "customer", "order-of", "52.", "latitude"):
        assert word not in text, word


async def test_the_log_names_the_trace(traced: Traced) -> None:
    """The access line of a call has its trace, and the next call's line its own."""
    with capture_logs(processors=[merge_contextvars]) as lines:
        await _submit(traced.client, "01")
        await _prepare(traced.client)
    found = [line["trace_id"] for line in lines if line["event"] == "call"]
    assert found[0] == _TRACE
    assert len(set(found)) == 4
