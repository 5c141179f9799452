"""A server process of its own on a store that outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_START_S = 120.0
_STOP_S = 60.0
_STEP_S = 0.02

# One that was killed is not missed for long.
_ENVIRONMENT = {"NEARTURN_LEASE_TTL_MS": "1000"}


class ServerProcess:
    """
    The real program, started, killed and started again on one folder.

    Parameters
    ----------
    folder
        Where the port and the log are kept, and the store if no URL is given.
    options
        More flags of ``nearturn serve``.
    store_url
        Where the store is.
    program
        Python that runs the command line.
    before
        A command that the process is started by, with its arguments.
    access
        Flags for who may call: everybody, in the clear, unless said otherwise.

    Attributes
    ----------
    start_s, stop_s
        How long it may take until it serves, and until it has ended.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        store_url: str = "",
        program: str = "from server.cli import main; main()",
        before: Sequence[str] = (),
        access: Sequence[str] = ("--insecure",),
    ) -> None:
        self.store_url = store_url or f"sqlite:///{folder / 'nearturn.db'}"
        self.log = folder / "server.log"
        self.address = ""
        self._port_file = folder / "port"
        self._options = (*access, *options)
        self.program = program
        self.before = before
        self.start_s = _START_S
        self.stop_s = _STOP_S
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Number of the process."""
        assert self._process is not None
        return self._process.pid

    def wire_pids(self) -> list[int]:
        """Return the processes that speak gRPC for it: its children."""
        children = Path(f"/proc/{self.pid}").glob("task/*/children")
        return [int(pid) for each in children for pid in each.read_text().split()]

    def spawn(self, listen: str = "127.0.0.1:0") -> None:
        """Start the process without waiting for it."""
        self._port_file.unlink(missing_ok=True)
        command = (
            *(*self.before, sys.executable, "-c", self.program, "serve"),
            *("--listen", listen, "--store-url", self.store_url),
            *("--port-file", str(self._port_file), *self._options),
        )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**_ENVIRONMENT, **os.environ}
            )

    def start(self) -> None:
        """Start the process and wait until it serves; one that does not is ended."""
        self.spawn()
        try:
            self.serving()
        except BaseException:
            # Nobody enters a context that fails to begin, so nobody would leave it.
            self.kill()
            raise

    def serving(self) -> None:
        """Wait until the process that was spawned serves."""
        until = time.monotonic() + self.start_s
        while not self._port_file.exists():
            assert self._process is not None
            ended = self._process.poll()
            assert ended is None, f"exit {ended}: {self.logged()[-2000:]}"
            assert time.monotonic() < until, "the server does not serve"
            time.sleep(_STEP_S)
        self.address = f"127.0.0.1:{self._port_file.read_text().strip()}"

    def kill(self) -> None:
        """End it at once with SIGKILL; no harm if it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(self.stop_s)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def is_stopped(self) -> bool:
        """Return whether a signal has stopped it, and none let it go on."""
        # Behind the name of the program, which stands in brackets.
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0] == "T"

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        assert self._process is not None
        return self._process.wait(self.stop_s)

    def logged(self) -> str:
        """Return all that its processes have written."""
        return self.log.read_text(errors="replace")


def now_us() -> int:
    """Return the time of day, which a server of its own goes by."""
    return time.time_ns() // 1_000
