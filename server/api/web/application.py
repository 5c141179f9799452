"""The application that a web server runs: calls from pages, each within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

import structlog
from connectrpc.server import ConnectASGIApplication
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from server.api.web.endpoints import CODECS
from server.api.web.exchange import Exchange
from server.api.web.gate import Gate
from server.api.web.origins import with_origins
from server.api.web.request_gzip import RequestGzip
from server.api.web.web_context import enter_connection

log = structlog.get_logger(__name__)

# The library's own type of one is private.
Endpoints: TypeAlias = Mapping[str, Any]
Headers: TypeAlias = "list[tuple[bytes, bytes]]"

# Answers are compressed on no event loop: a proxy before this server does it better.
_ACCEPTED_ENCODINGS = (
    b"accept-encoding",
    b"connect-accept-encoding",
    b"grpc-accept-encoding",
)


class _Services(ConnectASGIApplication[None]):
    """Every endpoint as one application; the library has one for each service."""

    @property
    def path(self) -> str:
        return "/"


class WebApplication:
    """
    Speaks Connect, gRPC-Web and JSON, by ASGI.

    Parameters
    ----------
    endpoints
        By their paths.
    gate
        Asks who calls.
    origins
        Of the pages that may call. A request that names another is refused, not only
        kept from its page: a name may be made to lead to this machine by whoever has
        the page.
    message_bytes_max
        Size of a request.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        gate: Gate,
        *,
        origins: Collection[str],
        message_bytes_max: int,
    ) -> None:
        self._origins = frozenset(origins)
        services = _Services(
            service=None,
            endpoints=lambda _: endpoints,
            interceptors=(gate,),
            read_max_bytes=message_bytes_max,
            compressions=(RequestGzip(),),
            codecs=CODECS,
        )
        self._app = with_origins(services, self._origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            # Neither web sockets nor the beginning and end of a server are of use.
            return
        headers: Headers = scope["headers"]
        exchange = Exchange(receive, send, _has_body(headers))
        refusal = self._refusal(headers)
        if refusal is not None:
            await refusal(scope, exchange.receive, exchange.send)
            return
        enter_connection(scope.get("state", {}).get("peer", {}))
        kept = [each for each in headers if each[0] not in _ACCEPTED_ENCODINGS]
        try:
            await self._app({**scope, "headers": kept}, exchange.receive, exchange.send)
        except asyncio.CancelledError:
            # The task ends here; of what it lets through its server makes an error.
            return
        except Exception:
            # Before the first byte of the answer there may be one yet.
            log.exception("unforeseen_error")
            if not exchange.has_begun:
                refusal = _refused(500, "internal", "internal error")
                await refusal(scope, exchange.receive, exchange.send)

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        try:
            values = [(name.decode(), value.decode()) for name, value in headers]
        except UnicodeDecodeError:
            return _refused(400, "invalid_argument", "headers: not all are UTF-8")
        for name, value in values:
            if name == "origin" and value not in self._origins:
                accepted = "accepted: those of the setting connect_origins"
                text = f"origin: got {value[:80]}; {accepted}"
                return _refused(403, "permission_denied", text)
            if name == "content-type" and _is_plain_grpc(value):
                text = "content-type: got gRPC; it is spoken at another port"
                return _refused(415, "unimplemented", text)
        return None


def _refused(status: int, code: str, message: str) -> JSONResponse:
    # As Connect tells of errors: what a request is told that no method gets to see.
    return JSONResponse({"code": code, "message": message}, status)


def _has_body(headers: Headers) -> bool:
    for name, value in headers:
        if name == b"transfer-encoding" or (
            name == b"content-length" and value != b"0"
        ):
            return True
    return False


def _is_plain_grpc(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/grpc" or kind.startswith("application/grpc+")
