"""Run the wire process: ``python -m server.wire SOCKET``, as a server does."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

from server.interpreter import tune_interpreter
from server.wire.frames import Frame, ToWire
from server.wire.front import Front
from server.wire.pipe import Pipe

# Where there is too little processor time for both, the engine goes first: what cannot
# be done then waits outside, where gRPC refuses it, and not inside, where all of it has
# cost something and comes too late.
_YIELDS = 5


async def _run(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    pipe: Pipe[ToWire]

    def send(frame: Frame) -> None:
        pipe.send(frame)

    # Without the server there is nobody to answer, and its port is to be free for the
    # next one at once. One that ends in order hangs up last, too.
    front = Front(send)
    pipe = Pipe(ToWire, front.take, lambda: os._exit(0))
    await loop.create_connection(lambda: pipe, sock=socket.socket(fileno=descriptor))
    await asyncio.Event().wait()


def main() -> None:
    """Speak gRPC for the server at the other end of a socket until it hangs up."""
    # Whoever stops the server stops this through it: a terminal's interrupt goes to
    # both of them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(_YIELDS)
    tune_interpreter()
    asyncio.run(_run(int(sys.argv[1])))


if __name__ == "__main__":
    main()
