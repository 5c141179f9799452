"""A network that breaks: TCP between a client and a server on this machine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 65_536


class FaultProxy:
    """
    Passes bytes on to a server until it is told how to fail.

    Runs on a thread of its own; every method may be called from any thread.

    Parameters
    ----------
    port
        Loopback port of the server.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.server_port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._upstream: set[asyncio.StreamWriter] = set()
        self._is_refusing = False
        self._cut_at: tuple[bytes, bool, float] | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        ).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._do(self._cut)

    def stall(self) -> None:
        """Take bytes of either side, and new connections, and pass nothing on."""
        self._do(self._flowing.clear)

    def lose_server(self) -> None:
        """Break the server's side only: the client is not told, and hears nothing."""
        self._do(self._lose_server)

    def cut_at(self, text: bytes, *, is_passed_on: bool, delay_s: float = 0.0) -> None:
        """
        Break at the next message of a client with a text.

        The client's side breaks at once; the server still gets the message if it is
        passed on, so many seconds later.
        """
        self._cut_at = text, is_passed_on, delay_s

    def heal(self) -> None:
        """Let new connections through; those that broke stay broken."""
        self._do(self._heal)

    def _do(self, act: Callable[[], object]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (act(), done.set()))
        done.wait()

    def _cut(self) -> None:
        self._is_refusing = True
        for writer in self._writers:
            writer.transport.abort()

    def _lose_server(self) -> None:
        self._flowing.clear()
        for writer in self._upstream:
            writer.transport.abort()

    def _heal(self) -> None:
        self._is_refusing = False
        for writer in self._writers if not self._flowing.is_set() else ():
            writer.transport.abort()
        self._flowing.set()

    async def _end(self) -> None:
        self._server.close()
        self._cut()
        self._flowing.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(
        self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter
    ) -> None:
        if self._is_refusing:
            client_out.transport.abort()
            return
        self._writers.add(client_out)
        server_in, server_out = await asyncio.open_connection(
            "127.0.0.1", self.server_port
        )
        self._writers.add(server_out)
        self._upstream.add(server_out)
        await asyncio.gather(
            self._pump(client_in, server_out, client_out),
            self._pump(server_in, client_out),
        )
        for writer in (client_out, server_out):
            writer.transport.abort()
        self._writers -= {client_out, server_out}
        self._upstream.discard(server_out)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        client: asyncio.StreamWriter | None = None,
    ) -> None:
        try:
            while data := await source.read(_CHUNK_BYTES):
                await self._flowing.wait()
                if client is not None and self._cut_at and self._cut_at[0] in data:
                    await self._break(sink, client, data)
                    return
                sink.write(data)
                await sink.drain()
            # The end of what a lost server said is not passed on either.
            await self._flowing.wait()
        except ConnectionError:
            await self._flowing.wait()
        sink.transport.abort()

    async def _break(
        self, server: asyncio.StreamWriter, client: asyncio.StreamWriter, data: bytes
    ) -> None:
        assert self._cut_at is not None
        _, is_passed_on, delay_s = self._cut_at
        self._cut_at = None
        client.transport.abort()
        await asyncio.sleep(delay_s)
        if is_passed_on:
            server.write(data)
            await server.drain()
            # Read by the server before the end is.
            server.write_eof()
        else:
            server.transport.abort()
