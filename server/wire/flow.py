"""Streams that no slow reader lets grow: so much under way, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

# Bytes of one stream that may be under way in one direction; a message that is larger
# by itself goes alone.
_WINDOW_BYTES = 1024 * 1024

# What a message takes beside its bytes, so that empty ones are not free.
_MESSAGE_BYTES = 64


def cost(body: bytes) -> int:
    """Return what a message takes of a window."""
    return len(body) + _MESSAGE_BYTES


class Window:
    """What may yet be sent before the other end has taken some of it."""

    def __init__(self, size: int = _WINDOW_BYTES) -> None:
        self._left = size
        self._freed = asyncio.Event()

    async def pay(self, body: bytes) -> None:
        """Wait until a message may be sent; one caller at a time."""
        while self._left <= 0:
            self._freed.clear()
            await self._freed.wait()
        self._left -= cost(body)

    def give_back(self, count: int) -> None:
        """Take note of what the other end has taken."""
        self._left += count
        self._freed.set()


class Streams:
    """
    Both directions of a call that has a stream.

    Parameters
    ----------
    taken
        Is told what each message took of the other end's window.
    """

    def __init__(self, taken: Callable[[int], None]) -> None:
        self.inbox = Inbox(taken)
        self.window = Window()


class Inbox(AsyncIterator[bytes]):
    """
    The messages of a stream, in order, until it ends.

    Parameters
    ----------
    taken
        Is told what each message took of the window, once somebody asked for it.
    """

    def __init__(self, taken: Callable[[int], None]) -> None:
        self._taken = taken
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(self, body: bytes) -> None:
        """Add a message."""
        self._messages.put_nowait(body)

    def end(self) -> None:
        """Let the stream end after what is in it."""
        self._messages.put_nowait(None)

    async def __anext__(self) -> bytes:
        """Return the next message."""
        body = await self._messages.get()
        if body is None:
            # However often it is asked, it has ended.
            self.end()
            raise StopAsyncIteration
        self._taken(cost(body))
        return body
