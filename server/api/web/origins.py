"""Which pages may call: those of listed origins, and callers that are no page."""

from __future__ import annotations

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from server.access.local_callers import TENANT_KEY

# What clients of Connect and gRPC-Web send beside what every page may send.
_REQUEST_HEADERS = (
    "authorization",
    "connect-accept-encoding",
    "connect-content-encoding",
    "connect-protocol-version",
    "connect-timeout-ms",
    "content-encoding",
    "grpc-timeout",
    TENANT_KEY,
    "traceparent",
    "tracestate",
    "x-grpc-web",
    "x-user-agent",
)

# Where gRPC-Web tells of errors that come before any answer.
_RESPONSE_HEADERS = ("grpc-status", "grpc-message", "grpc-status-details-bin")

# For how long a browser need not ask again.
_ASKED_S = 7_200


def with_origins(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """Answer the questions of browsers about the pages that may call an application."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("POST",),
        allow_headers=_REQUEST_HEADERS,
        expose_headers=_RESPONSE_HEADERS,
        max_age=_ASKED_S,
    )
