"""Admission before any of a request's body is read."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from connectrpc.request import RequestContext

from server.api.admission import REFUSALS, Admission
from server.api.handler import abort_with
from server.api.web.web_context import WebContext

Counted: TypeAlias = "AbstractContextManager[object] | None"


class Gate:
    """
    Asks whether a call is let in, as an interceptor of the library.

    Parameters
    ----------
    admission
        The one that gRPC's calls are asked by.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def on_start(self, request: RequestContext[Any, Any]) -> Counted:
        """
        Let a call in.

        Raises
        ------
        ConnectError
            If it is not let in.
        """
        path = f"/{request.method.service_name}/{request.method.name}"
        if self._admission.is_open(path):
            return None
        context = WebContext(request)
        try:
            return await self._admission.admit(
                path, context.invocation_metadata(), context.auth_context
            )
        except REFUSALS as error:
            await abort_with(error, context)

    async def on_end(self, counted: Counted, *_: object) -> None:
        """Count it no more."""
        if counted is not None:
            counted.__exit__(None, None, None)
