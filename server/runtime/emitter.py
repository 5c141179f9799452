"""Items from a thread of long work to whoever reads them, in an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Generic, Protocol, TypeVar

from matcher.domain.errors import UnavailableError
from server.storage.store import Store

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

#: Items that wait for their reader at most.
_WAITING_MAX = 16


class Outlet(Protocol[T_contra]):
    """Where long work puts its items."""

    def emit(self, item: T_contra) -> None:
        """
        Hand an item over; waits while the reader is behind.

        Raises
        ------
        UnavailableError
            If nobody reads any more, or the server stops.
        """

    def pause(self) -> None:
        """Raise as :meth:`emit` does, and do nothing else."""


#: Long work: reads the store, and puts out items.
Streaming = Callable[[Store, Outlet[T]], None]


class Emitter(Generic[T]):
    """
    A bounded queue between a thread and an event loop.

    Parameters
    ----------
    loop
        Of the reader.
    is_stopping
        Says that the server stops.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, is_stopping: Callable[[], bool]
    ) -> None:
        self._loop = loop
        self._is_stopping = is_stopping
        self._is_abandoned = threading.Event()
        self._queue: asyncio.Queue[T | None] = asyncio.Queue(_WAITING_MAX)

    def run(self, work: Streaming[T], store: Store) -> None:
        """Do the work; whatever it ends with, its reader is told of the end."""
        try:
            self.pause()
            work(store, self)
        finally:
            self._put(None)

    def emit(self, item: T) -> None:
        """Hand an item over; see :class:`Outlet`."""
        self.pause()
        self._put(item)

    def pause(self) -> None:
        """Raise if the work is of no more use; see :class:`Outlet`."""
        if self._is_abandoned.is_set() or self._is_stopping():
            raise UnavailableError("nobody waits for it any more")

    async def items(self) -> AsyncIterator[T]:
        """Yield the items as they come, up to the end of the work."""
        while (item := await self._queue.get()) is not None:
            yield item

    async def abandon(self) -> None:
        """Let the work end: nobody reads any more."""
        self._is_abandoned.set()
        while not self._queue.empty():
            self._queue.get_nowait()

    def _put(self, item: T | None) -> None:
        putting = asyncio.run_coroutine_threadsafe(self._queue.put(item), self._loop)
        while True:
            try:
                putting.result(timeout=0.1)
            except TimeoutError:
                if self._is_abandoned.is_set():
                    putting.cancel()
                    return
            else:
                return
