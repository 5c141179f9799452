"""The browser's door, out of the server's settings: closed unless they open it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import structlog

from matcher.domain.errors import InvalidValueError
from server.api.admission import Admission
from server.api.registration import Registration
from server.config import Settings
from server.door import is_loopback, tls_files

if TYPE_CHECKING:
    from server.web_server import WebServer

# What the extra of the package brings.
_EXTRA = ("connectrpc", "starlette", "uvicorn")

_USUAL_PORTS = {"http": ":80", "https": ":443"}

log = structlog.get_logger(__name__)


class WebDoor:
    """
    How calls from the web get in: by the same handlers, past the same checks.

    Parameters
    ----------
    settings
        Where it is, and which pages may call. What it is made of is an extra of the
        package, and is imported only where it is open.

    Raises
    ------
    InvalidValueError
        If the settings do not go together, or the extra is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        _check(settings)
        self._settings = settings
        self._server: WebServer | None = None

    def bind(self) -> None:
        """
        Open the port, if there is one.

        Raises
        ------
        InvalidValueError
            If the address is taken, or a certificate cannot be used.
        """
        settings = self._settings
        if not settings.connect_listen:
            return
        from server.access.web_certificates import WebCertificates  # noqa: PLC0415
        from server.web_server import WebParams, WebServer  # noqa: PLC0415

        files = None if settings.insecure else tls_files(settings)
        self._server = WebServer(
            WebParams(
                settings.connect_listen,
                None if files is None else WebCertificates(files),
                settings.shutdown_grace_s,
            )
        )

    async def start(self, registration: Registration, admission: Admission) -> None:
        """Begin to serve what a gRPC server serves, behind what asks who calls."""
        if self._server is None:
            return
        from server.api.web.application import WebApplication  # noqa: PLC0415
        from server.api.web.endpoints import endpoints  # noqa: PLC0415
        from server.api.web.gate import Gate  # noqa: PLC0415

        settings = self._settings
        application = WebApplication(
            endpoints(registration.handlers()),
            Gate(admission),
            origins=_origins(settings),
            message_bytes_max=settings.message_bytes_max,
        )
        await self._server.start(application)
        log.info("connect", listen=settings.connect_listen, port=self._server.port)

    async def stop(self) -> None:
        """Accept nothing more, and let running calls finish."""
        if self._server is not None:
            await self._server.stop()


def _check(settings: Settings) -> None:
    listen, origins = settings.connect_listen, settings.connect_origins
    if not listen:
        if origins:
            raise InvalidValueError("connect_listen", "", "set, where origins are")
        return
    if any(find_spec(name) is None for name in _EXTRA):
        raise InvalidValueError(
            "connect_listen",
            listen,
            "empty, unless the extra is installed: nearturn[connect]",
        )
    if settings.insecure and not is_loopback(listen):
        raise InvalidValueError(
            "connect_listen",
            listen,
            "with insecure, a loopback address: 127.0.0.1, [::1] or localhost",
        )
    for origin in _origins(settings):
        if origin.endswith(_USUAL_PORTS[origin.partition(":")[0]]):
            # No browser would ever name it so.
            accepted = "an origin without the usual port of its scheme"
            raise InvalidValueError("connect_origins", origin, accepted)
    if origins and settings.tls_client_ca:
        # Nor would a page learn why it fails.
        raise InvalidValueError(
            "connect_origins",
            origins,
            "empty, where tls_client_ca is set: a browser first asks whether a page "
            "may call, and shows no certificate when it does",
        )


def _origins(settings: Settings) -> list[str]:
    return [each for each in settings.connect_origins.split(",") if each]
