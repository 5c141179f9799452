"""What a running server shows of itself: put together, opened and closed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import structlog

from matcher.domain.errors import UnavailableError
from server.events.outbox import Outbox
from server.runtime.runtime import Runtime
from server.telemetry.metrics import Metrics
from server.telemetry.metrics_server import MetricsServer
from server.telemetry.state_collector import Standing
from server.telemetry.telemetry import Telemetry

log = structlog.get_logger(__name__)


class Sight:
    """
    The metrics of a server and their port, if there is to be one.

    Parameters
    ----------
    listen
        HOST:PORT that metrics are scraped from; empty for none.
    queue_limit
        Writes that may wait.
    outbox
        Gives the logs on their way to a broker, if there is one.

    Attributes
    ----------
    watch
        Is to be told of calls and work; ``None`` if nobody wants to know.
    is_serving
        What health says.
    """

    def __init__(
        self, listen: str, queue_limit: int, outbox: Callable[[], Outbox | None]
    ) -> None:
        self._listen = listen
        self._queue_limit = queue_limit
        self._outbox = outbox
        self._runtime: Runtime | None = None
        self._server: MetricsServer | None = None
        self._metrics: Metrics | None = None
        self.watch: Telemetry | None = None
        self.is_serving = False
        if listen:
            self._metrics = Metrics(self._standing, version("nearturn"))
            self.watch = Telemetry(self._metrics)

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
        """Stop answering scrapes."""
        if self._server is not None:
            self._server.close()
            self._server = None

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
