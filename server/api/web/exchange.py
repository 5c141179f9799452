"""One request and its answer, neither of which is waited for without an end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus

from starlette.types import Message, Receive, Send

#: How long a request may pause before its body is there.
PAUSE_S = 60.0

#: How long, and how much of, a request is read that has its answer already: a client
#: that still writes when its connection is shut never sees what it was told.
DRAIN_S = 2.0
DRAIN_BYTES = 16 * 1024 * 1024


class Exchange:
    """
    What a web server gives and takes for one request.

    Parameters
    ----------
    receive, send
        As ASGI has them.
    has_body
        Whether the request has announced more than its headers.
    """

    def __init__(self, receive: Receive, send: Send, has_body: bool) -> None:
        self._receive = receive
        self._send = send
        self._is_whole = not has_body
        self._is_given_up = False
        self.has_begun = False

    async def receive(self) -> Message:
        """Return the next part of the request, or that the caller is gone."""
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout(PAUSE_S):
                message = await self._receive()
        except TimeoutError:
            self._is_given_up = True
            return {"type": "http.disconnect"}
        self._is_whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self.has_begun = True
            if message["status"] != HTTPStatus.OK:
                # With any other, a handler may be reading yet.
                await self._drain(0.0)
            if not self._is_whole:
                headers = [*message.get("headers", ()), (b"connection", b"close")]
                message = {**message, "headers": headers}
        elif not (self._is_whole or message.get("more_body", False)):
            await self._send({**message, "more_body": True})
            await self._drain(DRAIN_S)
            message = {**message, "body": b""}
        await self._send(message)

    async def _drain(self, seconds: float) -> None:
        # In no time at all it is what has come already: mostly all of it.
        left = 0 if self._is_given_up else DRAIN_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while left > 0 and not self._is_whole:
                    left -= len((await self.receive()).get("body", b""))
