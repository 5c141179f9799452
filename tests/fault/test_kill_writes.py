"""SIGKILL at the n-th write of a file: in a checkpoint, a migration, a backup."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from server.storage.opening import open_store
from server.storage.revision import head_revision
from server.storage.store_check import check_store
from tests.fault.numbered_commits import last_commit, open_numbered
from tests.scenarios.older_store import take_back
from tests.scenarios.stored_life import live_in

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

#: Commits for ever, and tells of each; the log is checkpointed every few of them.
_COMMITTING = """
import sys, pathlib
from tests.fault.numbered_commits import commit_number, last_commit, open_numbered
store = open_numbered(f"sqlite:///{sys.argv[1]}")
number = last_commit(store)
while True:
    number += 1
    commit_number(store, number)
    print(number, flush=True)
"""

_STORE = "from server.cli import main; main()"


def _killed_at(
    write: int, code: str, *arguments: object, of: Path | None = None
) -> tuple[bool, str]:
    """Run Python, to be killed at its n-th write, of one file or any it seeks in."""
    found = shutil.which("strace")
    assert found, "strace is missing: run `make fault-tools` as root"
    traced = ("-P", str(of)) if of else ()
    when = f"inject=pwrite64:signal=KILL:when={write}"
    done = subprocess.run(
        (
            *(found, "-f", "-qq", "-o", "/dev/null", *traced),
            *("-e", "trace=pwrite64", "-e", when),
            *(sys.executable, "-c", code, *map(str, arguments)),
        ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # strace ends as the program that it traced does.
    is_killed = done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    assert is_killed or done.returncode == 0, done.stderr[-2_000:]
    return is_killed, done.stdout


def test_a_kill_in_a_checkpoint_loses_nothing(tmp_path: Path) -> None:
    """
    At eight of the writes that move the log into the database, one life after another.

    All that was told is there, and of what was not the one under way at most (I4).
    """
    path = tmp_path / "store.db"
    last = 0
    for write in (1, 2, 3, 5, 9, 40, 90, 200):
        is_killed, told = _killed_at(write, _COMMITTING, path, of=path)
        assert is_killed
        numbers = [int(each) for each in told.split()]
        with closing(open_numbered(f"sqlite:///{path}")) as store:
            found = last_commit(store)
        assert found - max(numbers, default=last) in (0, 1)
        last = found
    assert last > 20
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_kill_in_a_migration_leaves_one_revision_or_the_other(
    tmp_path: Path,
) -> None:
    """At eight of its writes; the store is sound after it and is upgraded at last."""
    old, path = tmp_path / "old.db", tmp_path / "store.db"
    live_in(old)
    take_back(old, "0006")
    rows = _rows(old)
    kills = 0
    for write in (1, 2, 3, 5, 8, 13, 21, 34):
        for each in tmp_path.glob("store.db*"):
            each.unlink()
        shutil.copyfile(old, path)
        command = (
            "store",
            "migrate",
            "--no-backup",
            "--store-url",
            f"sqlite:///{path}",
        )
        is_killed, _ = _killed_at(write, _STORE, *command)
        kills += is_killed
        found = check_store(path, is_quick=False, with_proofs=False, limit=1)
        assert not found.faults
        assert found.revision in ("0006", head_revision())
        open_store(f"sqlite:///{path}").close()
        assert _rows(path) == rows
    assert kills >= 3


def test_a_kill_in_a_backup_leaves_none(tmp_path: Path) -> None:
    """At four of its writes: no backup, the store as it was, and the next one works."""
    path, file = tmp_path / "store.db", tmp_path / "backup.db"
    live_in(path)
    rows = _rows(path)
    command = ("store", "backup", file, "--store-url", f"sqlite:///{path}")
    for write in (1, 30, 100, 150):
        is_killed, _ = _killed_at(write, _STORE, *command)
        assert is_killed
        assert not file.exists()
        assert _rows(path) == rows
    is_killed, _ = _killed_at(60_000, _STORE, *command)
    assert not is_killed
    assert _rows(file) == rows


def _rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT sequence, document FROM decisions ORDER BY sequence"
        ).fetchall()
