"""The wire process, as the server that runs it sees it."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

import msgspec
import structlog

from matcher.domain.errors import (
    FieldViolation,
    InvalidValueError,
    UnavailableError,
)
from server.api.admission import Admission
from server.wire.calls import Calls
from server.wire.frames import (
    Close,
    Closed,
    FromWire,
    NotOpened,
    Open,
    Opened,
)
from server.wire.grpc_servers import Handler
from server.wire.pipe import Pipe

log = structlog.get_logger(__name__)

# For how long a process may take until its port is open, and to end once it said that
# no call is under way.
_OPEN_S = 60.0
_END_S = 5.0

# Before a lost one is followed by another.
_PAUSE_S = 0.5


@dataclass(slots=True)
class _Life:
    """One process, until it ends."""

    process: asyncio.subprocess.Process
    pipe: Pipe[FromWire]
    calls: Calls
    opened: asyncio.Future[int]
    closed: asyncio.Event


class WireProcess:
    """
    Runs a process that speaks gRPC, and another one if that is lost.

    What is lost with it is connections, no work: calls that had begun are cancelled as
    if their callers had gone, and whoever tries again with the same ids gets the
    answer that was stored.

    Parameters
    ----------
    handlers
        By path; they take and give bytes.
    admission
        Knows who is let in.
    how
        How the ports are opened.
    """

    def __init__(
        self, handlers: Mapping[str, Handler], admission: Admission, how: Open
    ) -> None:
        self._handlers = handlers
        self._admission = admission
        self._how = how
        self._life: _Life | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self._life is not None, "it has started"
        return self._life.process.pid

    async def start(self) -> int:
        """
        Open the ports, and return the number of the one for calls.

        Raises
        ------
        InvalidValueError
            If an address is taken, or a certificate cannot be used.
        UnavailableError
            If the process does not come up.
        """
        self._life = await self._begin(self._how)
        port = self._life.opened.result()
        host = self._how.listen.rpartition(":")[0]
        # Whichever comes after it is where callers know it to be.
        self._how = msgspec.structs.replace(self._how, listen=f"{host}:{port}")
        self._keeper = asyncio.create_task(self._keep())
        return port

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and wait as long for those that run."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        life, self._life = self._life, None
        if life is not None:
            life.pipe.send(Close(grace_s))
            await _first(life.closed.wait(), life.process.wait())
            await _end(life)

    async def _keep(self) -> None:
        while self._life is not None:
            status = await self._life.process.wait()
            log.error("wire_lost", status=status, listen=self._how.listen)
            # Not at once: one that cannot live would be started over and over.
            await asyncio.sleep(_PAUSE_S)
            try:
                self._life = await self._begin(self._how)
            except (InvalidValueError, UnavailableError, OSError) as error:
                log.warning("wire_not_opened", reason=str(error))
            else:
                log.info("wire_opened", listen=self._how.listen)

    async def _begin(self, how: Open) -> _Life:
        life = await self._spawn()
        life.pipe.send(how)
        try:
            async with asyncio.timeout(_OPEN_S):
                await _first(asyncio.shield(life.opened), life.process.wait())
            if not life.opened.done():
                raise UnavailableError(
                    f"the wire process ended with {life.process.returncode} before its "
                    "port was open"
                )
            life.opened.result()
        except TimeoutError as error:
            await _end(life)
            raise UnavailableError(
                f"the wire process did not open its port in {_OPEN_S:.0f} s"
            ) from error
        except BaseException:
            await _end(life)
            raise
        return life

    async def _spawn(self) -> _Life:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                # Modules of the folder that the server was started in are not ours.
                "-P",
                "-m",
                "server.wire",
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        life: _Life

        def take(frame: FromWire) -> None:
            _take(life, frame)

        def lost() -> None:
            life.calls.cancel_all()

        pipe: Pipe[FromWire] = Pipe(FromWire, take, lost)
        calls = Calls(self._handlers, self._admission, pipe)
        life = _Life(process, pipe, calls, loop.create_future(), asyncio.Event())
        await loop.create_connection(lambda: pipe, sock=ours)
        return life


def _take(life: _Life, frame: FromWire) -> None:
    match frame:
        case Opened():
            life.opened.set_result(frame.port)
        case NotOpened():
            found = FieldViolation(frame.field, frame.value, frame.accepted)
            life.opened.set_exception(InvalidValueError.of([found]))
        case Closed():
            life.closed.set()
        case _:
            life.calls.take(frame)


async def _first(*each: Awaitable[object]) -> None:
    # Returns when one of them has ended, however it did, and leaves the others.
    tasks = [asyncio.ensure_future(one) for one in each]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _end(life: _Life) -> None:
    # It ends by itself once nobody is at the other end.
    life.pipe.close()
    try:
        async with asyncio.timeout(_END_S):
            await life.process.wait()
    except TimeoutError:
        life.process.kill()
        await life.process.wait()
