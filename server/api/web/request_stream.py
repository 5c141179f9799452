"""Requests of a stream, whose breaking off ends the call as it does in gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from connectrpc.errors import ConnectError


class RequestStream(AsyncIterator[bytes]):
    """
    What a client sends, one by one.

    A client that is gone, and bytes that are no message, are faults of the transport:
    in gRPC no handler hears of them, and its call is cancelled. So it is here, and then
    the client is told why, if it is there.

    Parameters
    ----------
    requests
        As the library gives them; read in the task of the call, or in one of its own.
    """

    def __init__(self, requests: AsyncIterator[bytes]) -> None:
        self._requests = requests
        self._call = asyncio.current_task()
        self._fault: ConnectError | None = None

    async def __anext__(self) -> bytes:
        """Return the next request; after a fault the call is cancelled instead."""
        try:
            return await anext(self._requests)
        except ConnectError as fault:
            assert self._call is not None, "streams are read in calls"
            self._fault = fault
            self._call.cancel()
            # Until it is; a reader that is a task of its own is ended by the call.
            await asyncio.Event().wait()
            raise

    @contextmanager
    def telling(self) -> Iterator[None]:
        """
        Turn what the call is cancelled with back into its cause.

        Raises
        ------
        ConnectError
            If it was a fault of the stream.
        """
        try:
            yield
        except asyncio.CancelledError:
            if self._fault is None:
                raise
            assert self._call is not None
            self._call.uncancel()
            raise self._fault from None
