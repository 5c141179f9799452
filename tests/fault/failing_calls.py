"""System calls that fail, by strace: of a program from its start, or for a while."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ATTACHED_S = 30.0
_STEP_S = 0.01


def tool(name: str) -> str:
    """Return the path of a program that `make fault-tools` installs."""
    found = shutil.which(name)
    assert found, f"{name} is missing: run `make fault-tools` as root"
    return found


def can_trace() -> bool:
    """Return whether strace is there, and may trace: not every container lets it."""
    found = shutil.which("strace")
    if found is None:
        return False
    command = (found, "-f", "-qq", "-o", os.devnull, "true")
    # What was found on the path, with arguments of our own.
    return subprocess.run(command, check=False).returncode == 0


@dataclass(frozen=True)
class FailingCalls:
    """
    Calls of the system that fail instead of being made.

    ``fault`` is what strace injects: a call, the error, and which of them, such as
    ``pread64:error=EIO:when=3+7``, counted in each thread by itself. ``log`` gets a
    line for each call of that name. If ``files`` are given, only calls on those count.
    """

    fault: str
    log: Path
    files: tuple[Path, ...] = ()

    @property
    def command(self) -> tuple[str, ...]:
        """What a program is to be run by."""
        call = self.fault.partition(":")[0]
        paths = (part for each in self.files for part in ("-P", str(each)))
        return (
            *(tool("strace"), "-f", "-qq", "-o", str(self.log), *paths),
            *("-e", f"trace={call}", "-e", f"inject={self.fault}"),
        )

    @contextmanager
    def of(self, pid: int) -> Iterator[None]:
        """Let them fail in all threads of a process that runs, and then no more."""
        with subprocess.Popen((*self.command, "-p", str(pid))) as tracer:
            try:
                until = time.monotonic() + _ATTACHED_S
                while not _is_traced(pid):
                    assert time.monotonic() < until, "strace does not attach"
                    time.sleep(_STEP_S)
                yield
            finally:
                tracer.send_signal(signal.SIGINT)

    def hits(self) -> int:
        """Return how many calls have failed in this way since the log was begun."""
        return self.log.read_text(encoding="utf-8").count("(INJECTED)")


def _is_traced(pid: int) -> bool:
    statuses = Path(f"/proc/{pid}/task").glob("*/status")
    return all("TracerPid:\t0\n" not in each.read_text() for each in statuses)
