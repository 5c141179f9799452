"""A process that commits is killed at any moment: what it was told of is there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest
import structlog

from matcher.domain.errors import UnavailableError
from tests.contract.store.rows import BRAND
from tests.fault.numbered_commits import commit_number, last_commit, open_numbered

ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """A process that opens a store and commits for ever, telling of each commit."""

    def __init__(self, nursery: subprocess.Popen[bytes], url: str) -> None:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        nursery.stdin.write(f"{url}\n".encode())
        nursery.stdin.flush()
        self._lines = nursery.stdout
        self.pid = int(self.told())

    def told(self) -> str:
        """Return the next line that it wrote."""
        return self._lines.readline().decode().strip()

    def told_commit(self) -> int:
        """Return the number of the commit that it tells of next."""
        return int(self.told())

    def kill_after(self, delay_s: float) -> list[int]:
        """Kill it, and return the commits that it told of and nobody read yet."""
        # Not asleep: the system would wake us at its own, coarser moments.
        end = time.perf_counter() + delay_s
        while time.perf_counter() < end:
            pass
        os.kill(self.pid, signal.SIGKILL)
        lines = list(iter(self.told, f"gone by {signal.SIGKILL:d}"))
        return [int(line) for line in lines]


@pytest.fixture(scope="module")
def nursery() -> Iterator[subprocess.Popen[bytes]]:
    """
    Run a process that has everything imported and forks a worker per line.

    Forking this process itself would copy the threads' locks of whatever ran here.
    """
    command = [sys.executable, "-m", "tests.fault.test_store_crash"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        process.kill()


def _serve() -> None:
    """Fork a worker per URL that comes in; tell how each one ended."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _work(line.strip())
        _, status = os.waitpid(pid, 0)
        _tell(f"gone by {os.WTERMSIG(status):d}")


def _work(url: str) -> NoReturn:
    _tell(str(os.getpid()))
    try:
        store = open_numbered(url)
        number = store.load(BRAND).match_count
        while True:
            _tell(str(number))
            number += 1
            commit_number(store, number)
    finally:
        traceback.print_exc()
        os._exit(1)


def _tell(line: str) -> None:
    # In one system call: a kill leaves a whole line or none.
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def test_acknowledged_commits_survive_kills(
    nursery: subprocess.Popen[bytes], store_url: str
) -> None:
    """
    Twelve lives of a writer end by SIGKILL, up to 6 ms after a seeded commit (I4).

    A commit takes about that long, so kills fall before, in, behind and between.
    """
    generator = random.Random(20_260_302)
    last = 0
    for _ in range(12):
        commits, delay_s = generator.randint(1, 8), generator.uniform(0, 0.006)
        worker = Worker(nursery, store_url)
        # What the life before it stored is where this one starts.
        assert worker.told_commit() == last
        told = [worker.told_commit() for _ in range(commits)]
        told += worker.kill_after(delay_s)
        assert told == [*range(last + 1, last + 1 + len(told))]
        with closing(open_numbered(store_url)) as store:
            found = last_commit(store)
        # The one under way may be there as a whole, or not at all.
        assert found - told[-1] in (0, 1)
        last = found


def test_store_that_is_being_made_survives_kills(
    nursery: subprocess.Popen[bytes], new_store_url: Callable[[], str]
) -> None:
    """Killed 0 to 70 ms into the first opening, it is made by the next one (I4)."""
    for turn in range(8):
        url = new_store_url()
        Worker(nursery, url).kill_after(turn * 0.01)
        with closing(open_numbered(url)) as store:
            last = last_commit(store)
            commit_number(store, last + 1)
            assert last_commit(store) == last + 1


def test_second_process_is_refused_while_the_first_lives(
    nursery: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """It is told the number of the first; once that one is killed it gets the store."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    worker = Worker(nursery, url)
    assert worker.told_commit() == 0
    with pytest.raises(UnavailableError, match=f"process {worker.pid} has it open"):
        open_numbered(url)
    # Nor did the refused one disturb the first.
    told = [worker.told_commit() for _ in range(3)]
    told += worker.kill_after(0)
    with closing(open_numbered(url)) as store:
        assert last_commit(store) >= told[-1]


if __name__ == "__main__":
    _serve()
