"""Traces: what became of a call, from the caller's own span to the commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter_ns, time_ns

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    format_trace_id,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from matcher.domain.ids import TenantId
from matcher.engine.stages import Stage, Stages
from server.api.call_watch import Metadata, Ongoing
from server.runtime.watch import GroupTimes, Origin

# How long a collector may take, and so how long a server that stops waits for it.
_EXPORT_S = 5

# Spans that wait for it; more are dropped.
_WAITING_MAX = 8_192

# The server's own fault, or that of what it stands on.
_FAULTS = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL"}
    | {"UNAVAILABLE", "DATA_LOSS"}
)

# The call or round that the current task is about.
_current: ContextVar[Context | None] = ContextVar("nearturn_trace", default=None)


def otlp_exporter(endpoint: str) -> SpanExporter:
    """Return what sends spans to a collector: http://HOST:PORT or https://HOST:PORT."""
    is_plain = endpoint.startswith("http://")
    return OTLPSpanExporter(endpoint, insecure=is_plain, timeout=_EXPORT_S)


class Tracing:
    """
    Makes spans of calls, of their work, and of rounds; none holds an id or a place.

    A call that comes with a ``traceparent`` continues it, and is recorded if its caller
    says so. Of what begins here a share is.

    Parameters
    ----------
    exporter
        Where spans go, in batches, on a thread of its own.
    percent
        Share of the traces that begin here.
    version
        Of the program.
    """

    def __init__(self, exporter: SpanExporter, percent: int, version: str) -> None:
        names = {"service.name": "nearturn", "service.version": version}
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(percent / 100)),
            resource=Resource.create(names),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=_WAITING_MAX)
        )
        self._tracer = self._provider.get_tracer("nearturn", version)
        self._propagator = TraceContextTextMapPropagator()

    def close(self) -> None:
        """Send what is left, within some seconds."""
        self._provider.shutdown()

    def began(self, method: str, metadata: Metadata) -> Ongoing:
        """Begin the span of a call, under that of its caller if there is one."""
        carrier = {key: value for key, value in metadata if isinstance(value, str)}
        parent = self._propagator.extract(carrier, Context())
        service, _, name = method.rpartition(".")
        span = self._tracer.start_span(
            f"{service}/{name}",
            parent,
            SpanKind.SERVER,
            {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name},
        )
        # Of this call's task alone; it ends with it.
        _current.set(set_span_in_context(span, parent))
        trace_id = span.get_span_context().trace_id
        structlog.contextvars.bind_contextvars(trace_id=format_trace_id(trace_id))
        return _Call(span)

    def origin(self) -> Origin:
        """Return the call or round that work belongs to, if it is recorded."""
        context = _current.get()
        if context is None:
            return None
        flags = get_current_span(context).get_span_context().trace_flags
        return context if flags.sampled else None

    def group(self, group: GroupTimes) -> None:
        """Make spans of what a group's pieces went through, each under its origin."""
        stages = _Past(self._tracer, time_ns() - perf_counter_ns())
        began_ns = [group.begun_ns, *group.ran_ns]
        size = {"nearturn.group_size": len(group.origins)}
        for index, origin in enumerate(group.origins):
            if not isinstance(origin, Context):
                continue
            stages.span(origin, "queue", group.queued_ns[index], group.begun_ns, size)
            if index < len(group.ran_ns):
                ended_ns = group.ran_ns[index]
                stages.span(origin, "engine", began_ns[index], ended_ns, size)
            if group.is_stored:
                stages.span(origin, "commit", began_ns[-1], group.ended_ns, size)
            if group.is_given_up:
                stages.span(origin, "given up", began_ns[-1], group.ended_ns, size)

    def refused(self, tenant: TenantId) -> None:
        """Do nothing: the call's own code says it."""

    @contextmanager
    def round(self) -> Iterator[Stages]:
        """Make a span of a round: under its call, or the first of a trace."""
        parent = _current.get() or Context()
        span = self._tracer.start_span("round", parent)
        context = set_span_in_context(span, parent)
        token = _current.set(context)
        try:
            yield lambda stage: self._stage(stage, context)
        except BaseException:
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            _current.reset(token)
            span.end()

    @contextmanager
    def _stage(self, stage: Stage, context: Context) -> Iterator[None]:
        # Of a context that is handed over: stages run on other threads.
        span = self._tracer.start_span(stage.value, context)
        try:
            yield
        except BaseException:
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()


class _Past:
    """Spans of what is over, from instants of ``perf_counter_ns``."""

    def __init__(self, tracer: Tracer, epoch_ns: int) -> None:
        self._tracer = tracer
        self._epoch_ns = epoch_ns

    def span(
        self,
        context: Context,
        name: str,
        began_ns: int,
        ended_ns: int,
        attributes: Mapping[str, int],
    ) -> None:
        """Make one."""
        span = self._tracer.start_span(
            name,
            context,
            attributes=attributes,
            start_time=began_ns + self._epoch_ns,
        )
        span.end(ended_ns + self._epoch_ns)


class _Call:
    def __init__(self, span: Span) -> None:
        self._span = span

    def ended(self, code: str) -> None:
        """End its span with the name of its code."""
        self._span.set_attribute("rpc.response.status_code", code)
        if code in _FAULTS:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()
