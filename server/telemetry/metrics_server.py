"""The port that metrics are scraped from: plain HTTP, on threads of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, start_http_server

from matcher.domain.errors import InvalidValueError


class MetricsServer:
    """
    Answers scrapes until it is closed, however busy the server is.

    Parameters
    ----------
    listen
        HOST:PORT; port 0 takes a free one.
    registry
        What is scraped.

    Raises
    ------
    InvalidValueError
        If the address is taken, or none of this machine.
    """

    def __init__(self, listen: str, registry: CollectorRegistry) -> None:
        host, _, port = listen.rpartition(":")
        try:
            self._server, self._thread = start_http_server(
                int(port), host.strip("[]"), registry
            )
        except (OSError, OverflowError) as error:
            raise InvalidValueError(
                "metrics_listen", listen, "an address of this machine that is free"
            ) from error
        self.port: int = self._server.server_port

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
