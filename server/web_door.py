"""The browser's door, out of the server's settings: closed unless they open it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from matcher.domain.errors import InvalidValueError
from server.api.admission import Admission
from server.api.registration import Registration
from server.config import Settings
from server.door import is_loopback, tls_files

if TYPE_CHECKING:
    from server.web_server import WebServer

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
        If the settings do not go together.
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
            If the address is taken, or the extra is not installed.
        """
        if self._settings.connect_listen:
            self._server = _server(self._settings)

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
    if origins and not listen:
        raise InvalidValueError("connect_listen", listen, "set, where origins are")
    if listen and settings.insecure and not is_loopback(listen):
        raise InvalidValueError(
            "connect_listen",
            listen,
            "with insecure, a loopback address: 127.0.0.1, [::1] or localhost",
        )
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


def _server(settings: Settings) -> WebServer:
    try:
        # An extra that only those have who serve pages.
        from server.access.web_certificates import WebCertificates  # noqa: PLC0415
        from server.web_server import WebParams, WebServer  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise InvalidValueError(
            "connect_listen",
            settings.connect_listen,
            "empty, unless the extra is installed: nearturn[connect]",
        ) from error
    certificates = None if settings.insecure else WebCertificates(tls_files(settings))
    return WebServer(
        WebParams(settings.connect_listen, certificates, settings.shutdown_grace_s)
    )
