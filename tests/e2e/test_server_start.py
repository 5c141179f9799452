"""A server process that does not begin to serve is not left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.domain.errors import UnavailableError
from server.cli import server_process
from tests.scenarios.server_process import ServerProcess

pytestmark = pytest.mark.e2e

# Says its number and then nothing, as a server that hangs would.
_SILENT = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(600)"


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_one_that_a_test_waits_for_in_vain_is_ended(tmp_path: Path) -> None:
    """
    Neither the context nor `start` alone leaves a process that hangs.

    It is over its time at once, so that it is known to run when that is found.
    """
    server = ServerProcess(tmp_path, program=_SILENT)
    server.start_s = 0.0
    for begin in (server.start, server.__enter__):
        with pytest.raises(AssertionError, match="does not serve"):
            begin()
        assert not _is_alive(server.pid)


def test_one_that_a_command_waits_for_in_vain_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo's server too: it is told to stop, and ended if it does not."""
    monkeypatch.setattr(server_process, "_START_S", 0.0)
    started: list[int] = []
    popen = server_process.subprocess.Popen

    def noted(*arguments: object, **options: object) -> object:
        process = popen(*arguments, **options)
        started.append(process.pid)
        return process

    monkeypatch.setattr(server_process.subprocess, "Popen", noted)
    with (
        pytest.raises(UnavailableError, match="did not start"),
        server_process.running_process(tmp_path),
    ):
        pytest.fail("it serves before it is started")
    assert len(started) == 1
    assert not _is_alive(started[0])
