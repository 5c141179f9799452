"""A whole server without a network, called with anything."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import aclosing
from pathlib import Path
from typing import Any

import grpc

from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.opening import open_store
from tests.contract import messages
from tests.contract.api_target import (
    TENANT,
    Api,
    ApiError,
    HandClock,
    LocalTransport,
)
from tests.fuzz.request import Request

#: What a caller may be told. Anything else is an error of ours.
ANSWERS = frozenset(
    {
        grpc.StatusCode.OK,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)

_STREAMED_MAX = 4
# A stream that waits for news has none here.
_PATIENCE_S = 0.02
_HANGS_S = 20.0


class ServerUnderFuzz:
    """
    Handlers, runtime, engine and embedded store, as a server has them.

    Time stands still and rounds begin by request only, so that the same requests in
    the same order are answered the same way.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._folder = Path(tempfile.mkdtemp(prefix="nearturn-fuzz-"))
        self._runtime = self._loop.run_until_complete(self._started())
        self._transport = LocalTransport(self._runtime)
        # Without a policy in force most calls end at the first gate.
        self._loop.run_until_complete(
            messages.activate(Api(self._transport, self._runtime))
        )

    def close(self) -> None:
        """Stop it and forget what it has stored."""
        self._loop.run_until_complete(self._runtime.stop())
        self._loop.close()
        shutil.rmtree(self._folder)

    def answer(self, request: Request) -> grpc.StatusCode:
        """
        Return the status that a request is answered with.

        Raises
        ------
        AssertionError
            If it is none of :data:`ANSWERS`, or does not come.
        """
        return self._loop.run_until_complete(self._answer(request))

    async def _answer(self, request: Request) -> grpc.StatusCode:
        method = request.method
        path = f"/{method.containing_service.full_name}/{method.name}"
        try:
            async with asyncio.timeout(_HANGS_S):
                await self._call(path, request)
        except ApiError as error:
            refusal = error
        else:
            return grpc.StatusCode.OK
        assert refusal.code in ANSWERS, f"{path}: {refusal.status}"
        return refusal.code

    async def _call(self, path: str, request: Request) -> None:
        if request.method.client_streaming:
            await _some(self._transport.bidi(path, [request.payload] * 2))
        elif request.method.server_streaming:
            await _some(self._transport.stream(path, request.payload))
        else:
            await self._transport.unary(path, request.payload)

    async def _started(self) -> Runtime:
        runtime = Runtime(
            open_store(f"sqlite:///{self._folder / 'fuzz.db'}"),
            clock=HandClock(),
            options=RuntimeOptions(tenants=(TENANT,), threads=1, runs_timers=False),
        )
        await runtime.start()
        return runtime


async def _some(answers: Any) -> None:
    async with aclosing(answers):
        for _ in range(_STREAMED_MAX):
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await anext(answers)
            except (StopAsyncIteration, TimeoutError):
                return
