"""One server after the other, and what the last one was asked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from matcher.engine.warm_up import warm_up
from tests.fuzz.request import Request
from tests.fuzz.server_under_fuzz import ServerUnderFuzz

# A server that has seen much is slower, and a failure harder to understand.
_REQUESTS_MAX = 2_000
_SIZE = struct.Struct("<I")


class FuzzedLife:
    """
    Calls a server, and a new one after some thousand calls.

    Parameters
    ----------
    log
        All that the present server was asked, for :func:`read_life`: written before
        each call, so that it is there whatever the call ends.
    """

    def __init__(self, log: Path) -> None:
        self._log_path = log
        # As a server does before it says SERVING: compiling is no hang.
        warm_up()
        self._begin()

    def live(self, request: Request, data: bytes) -> None:
        """Call the server with a request that was read off ``data``."""
        if self._count == _REQUESTS_MAX:
            self.close()
            self._begin()
        self._count += 1
        self._log.write(_SIZE.pack(len(data)) + data)
        self._log.flush()
        self._server.answer(request)

    def close(self) -> None:
        """Stop the server; the log stays."""
        self._server.close()
        self._log.close()

    def _begin(self) -> None:
        self._count = 0
        self._log = self._log_path.open("wb")
        self._server = ServerUnderFuzz()


def read_life(log: Path) -> Iterator[bytes]:
    """Iterate over what a server was asked."""
    raw = log.read_bytes()
    at = 0
    while at < len(raw):
        (size,) = _SIZE.unpack_from(raw, at)
        at += _SIZE.size
        yield raw[at : at + size]
        at += size
