"""What a running server shows of itself: put together, opened and closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog

from matcher.domain.errors import InvalidValueError, UnavailableError
from server.events.outbox import Outbox
from server.runtime.runtime import Runtime
from server.telemetry.counting import Counting
from server.telemetry.metrics import Metrics
from server.telemetry.metrics_server import MetricsServer
from server.telemetry.state_collector import Standing
from server.telemetry.telemetry import Telemetry, Teller

if TYPE_CHECKING:
    from server.telemetry.tracing import Tracing

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SightParams:
    """
    What there is to be seen.

    Parameters
    ----------
    metrics_listen
        HOST:PORT that metrics are scraped from; empty for none.
    trace_endpoint
        Collector that spans are sent to; empty for none.
    trace_percent
        Share of the traces that begin here and are recorded.
    queue_limit
        Writes that may wait.
    """

    metrics_listen: str
    trace_endpoint: str
    trace_percent: int
    queue_limit: int


class Sight:
    """
    The metrics of a server with their port, and its traces, as far as they are on.

    Parameters
    ----------
    params
        What is on.
    outbox
        Gives the logs on their way to a broker, if there is one.

    Attributes
    ----------
    watch
        Is to be told of calls and work; ``None`` if nobody wants to know.
    is_serving
        What health says.

    Raises
    ------
    InvalidValueError
        If traces are asked for and the extra for them is missing.
    """

    def __init__(
        self, params: SightParams, outbox: Callable[[], Outbox | None]
    ) -> None:
        self._listen = params.metrics_listen
        self._queue_limit = params.queue_limit
        self._outbox = outbox
        self._runtime: Runtime | None = None
        self._server: MetricsServer | None = None
        self._metrics: Metrics | None = None
        self._tracing = _tracing(params)
        self.is_serving = False
        tellers: list[Teller] = [self._tracing] if self._tracing else []
        if params.metrics_listen:
            self._metrics = Metrics(self._standing, version("nearturn"))
            tellers.append(Counting(self._metrics))
        self.watch = Telemetry(tellers) if tellers else None

    def open(self, runtime: Runtime) -> None:
        """
        Let metrics be scraped from here on.

        Raises
        ------
        InvalidValueError
            If the address cannot be listened on.
        """
        self._runtime = runtime
        if self._metrics is not None:
            self._server = MetricsServer(self._listen, self._metrics.registry)
            log.info("metrics", listen=self._listen, port=self._server.port)

    def close(self) -> None:
        """Stop answering scrapes, and send the spans that are left."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._tracing is not None:
            self._tracing.close()

    def _standing(self) -> Standing | None:
        # On the thread of a scrape: it may wait for the store, and nobody for it.
        runtime, outbox = self._runtime, self._outbox()
        if runtime is None:
            return None
        size, lags = None, []
        try:
            size = runtime.store.size_bytes()
            lags = outbox.lags_in(runtime.store) if outbox is not None else []
        except UnavailableError as error:
            log.warning("store_not_measured", error=str(error))
        return Standing(self.is_serving, self._queue_limit, runtime.state(), size, lags)


def _tracing(params: SightParams) -> Tracing | None:
    if not params.trace_endpoint:
        return None
    try:
        # An extra that only those have who trace.
        from server.telemetry.tracing import Tracing, otlp_exporter  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise InvalidValueError(
            "trace_endpoint",
            "set",
            "empty, unless the extra is installed: nearturn[otel]",
        ) from error
    exporter = otlp_exporter(params.trace_endpoint)
    return Tracing(exporter, params.trace_percent, version("nearturn"))
