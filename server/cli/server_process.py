"""A server process of our own, for the demo and benchmarks."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from matcher.domain.errors import UnavailableError

_START_S = 120.0
_STOP_S = 30.0
_STEP_S = 0.05


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where a server listens, and the number of its process."""

    address: str
    pid: int


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """Run `nearturn serve` as :func:`running_process` does, and give its address."""
    with running_process(folder) as server:
        yield server.address


@contextmanager
def running_process(folder: Path, *flags: str) -> Iterator[RunningServer]:
    """
    Run `nearturn serve` on a store in a folder, with more flags.

    Raises
    ------
    UnavailableError
        If it does not serve within two minutes; the message has its log's end.
    """
    port_file, log = folder / "port", folder / "server.log"
    command = [
        sys.executable,
        "-c",
        "from server.cli import main; main()",
        "serve",
        "--listen=127.0.0.1:0",
        # Of this process alone, and gone with it.
        "--insecure",
        f"--store-url=sqlite:///{folder / 'demo.db'}",
        f"--port-file={port_file}",
        "--no-timers",
        "--log-level=warning",
        *flags,
    ]
    # One of an earlier server would be taken for this one's.
    port_file.unlink(missing_ok=True)
    with log.open("wb") as output:
        # Our own interpreter with our own arguments: nothing comes from outside.
        process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603
        try:
            port = _port(process, port_file, log)
            yield RunningServer(f"127.0.0.1:{port}", process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(process: subprocess.Popen[bytes], port_file: Path, log: Path) -> int:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if port_file.exists():
            return int(port_file.read_text(encoding="ascii"))
        if process.poll() is not None:
            break
        time.sleep(_STEP_S)
    end = log.read_text(errors="replace")[-2000:]
    raise UnavailableError(f"the server did not start: {end}")
