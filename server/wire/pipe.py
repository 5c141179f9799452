"""Frames over a socket between two processes of one machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import msgspec

from server.wire.frames import Frame

F = TypeVar("F", bound=Frame)

# Each frame has its length before it.
_LENGTH_BYTES = 4


class Pipe(asyncio.Protocol, Generic[F]):
    """
    Sends frames, and hands on those that come.

    All that one turn of the event loop says goes in one write: a busy server pays for
    the socket by the turn, not by the call.

    Parameters
    ----------
    incoming
        The union of the frames that come.
    take
        Gets each, in order; it raises nothing.
    lost
        Is called once, when the other end has gone.
    """

    def __init__(
        self, incoming: Any, take: Callable[[F], None], lost: Callable[[], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._decoder: msgspec.msgpack.Decoder[F] = msgspec.msgpack.Decoder(incoming)
        self._encoder = msgspec.msgpack.Encoder()
        self._take = take
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._arrived = bytearray()
        self._leaving = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hand on the frames that are whole by now."""
        self._arrived += data
        begin = 0
        with memoryview(self._arrived) as arrived:
            while (body := begin + _LENGTH_BYTES) <= len(arrived):
                end = body + int.from_bytes(arrived[begin:body], "little")
                if end > len(arrived):
                    break
                self._take(self._decoder.decode(arrived[body:end]))
                begin = end
        del self._arrived[:begin]

    def connection_lost(self, _: Exception | None) -> None:
        """Say so."""
        self._transport = None
        self._lost()

    def send(self, frame: Frame) -> None:
        """Send a frame with all others of this turn; nowhere, if the other end went."""
        leaving = self._leaving
        if not leaving:
            self._loop.call_soon(self._flush)
        begin = len(leaving)
        leaving += bytes(_LENGTH_BYTES)
        try:
            self._encoder.encode_into(frame, leaving, -1)
        except BaseException:
            # Half a frame would be taken for the beginning of the next one.
            del leaving[begin:]
            raise
        body = begin + _LENGTH_BYTES
        leaving[begin:body] = (len(leaving) - body).to_bytes(_LENGTH_BYTES, "little")

    def close(self) -> None:
        """Send what is left, and hang up."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        leaving, self._leaving = self._leaving, bytearray()
        if self._transport is not None and leaving:
            self._transport.write(leaving)
