"""gRPC in the server's own process."""

from __future__ import annotations

from collections.abc import Mapping

from server.access.certificates import Certificates
from server.api.access_interceptor import AccessInterceptor
from server.api.admission import Admission
from server.wire.frames import Open
from server.wire.grpc_servers import GrpcServers, Handler


class WireWithin:
    """
    Speaks gRPC on the event loop that calls are carried out on.

    Parameters
    ----------
    handlers
        By path; they take and give bytes.
    admission
        Knows who is let in.
    how
        How the ports are opened.
    certificates
        What handshakes use; ``None`` for none.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        admission: Admission,
        how: Open,
        certificates: Certificates | None,
    ) -> None:
        self._servers = GrpcServers(handlers, how, (AccessInterceptor(admission),))
        self._certificates = certificates

    async def start(self) -> int:
        """
        Open the ports, and return the number of the one for calls.

        Raises
        ------
        InvalidValueError
            If an address is taken.
        """
        return await self._servers.start(self._certificates)

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and wait as long for those that run."""
        await self._servers.stop(grace_s)
