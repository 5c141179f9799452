"""Requests by hand, as no client would send them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

# Nothing here may wait for ever, whatever the server does.
WAIT_S = 30.0

JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """The error, as Connect tells of one."""
        told: dict[str, Any] = json.loads(self.body)
        return told


@asynccontextmanager
async def connected(
    port: int,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection, and close it whatever happens."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def posted(
    port: int, path: str, body: bytes = b"{}", method: str = "POST", **more: str
) -> Response:
    """Send a request whole and return the answer; `_` in names of headers is `-`."""
    headers = {
        **JSON,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    async with connected(port) as (reader, writer):
        writer.write(head(path, {**headers, "content-length": str(len(body))}, method))
        writer.write(body)
        return await response(reader)


def head(path: str, headers: Mapping[str, str], method: str = "POST") -> bytes:
    """Return the beginning of a request; its connection ends with the answer."""
    lines = [f"{method} {path} HTTP/1.1", "host: test", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def response(reader: asyncio.StreamReader) -> Response:
    """Read an answer to the end of its connection."""
    raw = await asyncio.wait_for(reader.read(), WAIT_S)
    start, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = start.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    if headers.get("transfer-encoding") == "chunked":
        body = _whole(body)
    return Response(int(first.split()[1]), headers, body)


def _whole(chunked: bytes) -> bytes:
    body = b""
    while chunked:
        size, _, chunked = chunked.partition(b"\r\n")
        body += chunked[: int(size, 16)]
        chunked = chunked[int(size, 16) + 2 :]
    return body
