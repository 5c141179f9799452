"""Compressed requests, unpacked within bounds."""

from __future__ import annotations

from connectrpc.compression.gzip import GzipCompression

#: What a compressed request may unpack to: it is done on the event loop, before it is
#: known who calls, and takes some milliseconds at most.
UNPACKED_BYTES_MAX = 1024 * 1024


class RequestGzip(GzipCompression):
    """Unpacks small requests only; larger ones may come as they are."""

    def decompress(
        self, data: bytes | bytearray | memoryview, read_max_bytes: int | None = None
    ) -> bytes:
        """
        Unpack a request.

        Raises
        ------
        ConnectError
            RESOURCE_EXHAUSTED, if there is more than is accepted.
        """
        bound = UNPACKED_BYTES_MAX
        return super().decompress(data, min(bound, read_max_bytes or bound))
