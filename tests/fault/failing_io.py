"""
A store some of whose system calls fail: a program to be run under strace.

It commits, or backs up, until so many have worked, and prints how many failed. Of each
failure it keeps the files as a kill at that moment would leave them. Any answer but
those that are right ends it with a traceback.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import structlog

from matcher.domain.errors import UnavailableError
from server.storage.backup import back_up
from server.storage.sql_store import SqlStore
from server.storage.store_file import faults_of_file, reading_file
from tests.fault.numbered_commits import commit_number, last_commit, open_numbered

#: Commits, or backups, that have to work.
_WORKED = 8

#: Failures after which it is no use to go on.
_FAILED_MAX = 60


def fail_commits(path: Path, look: Callable[[SqlStore], int] = last_commit) -> int:
    """
    Commit until enough worked; return how many were refused.

    A commit that was refused is nowhere for whoever reads, and reads go on; the next
    one works or is refused. One that was acknowledged is there.
    """
    refused = 0
    with closing(_opened(path)) as store:
        number = look(store)
        while number < _WORKED:
            try:
                commit_number(store, number + 1)
            except UnavailableError:
                refused += 1
                assert refused < _FAILED_MAX, "nothing works any more"
                _keep(path, path.with_name(f"died-{refused}-after-{number}.db"))
            else:
                number += 1
            assert look(store) == number
    return refused


def fail_reads(path: Path) -> int:
    """Commit as :func:`fail_commits` does, where reads are what fails."""
    refused = 0

    def look(store: SqlStore) -> int:
        nonlocal refused
        while True:
            try:
                return last_commit(store)
            except UnavailableError:
                refused += 1
                assert refused < _FAILED_MAX, "nothing can be read any more"

    return fail_commits(path, look) + refused


def fail_opens(path: Path) -> int:
    """Open it until enough worked; return how many were refused, naming the store."""
    worked = refused = 0
    while worked < _WORKED:
        try:
            with closing(open_numbered(f"sqlite:///{path}")) as store:
                assert last_commit(store) == 1
        except UnavailableError as error:
            assert str(path) in str(error)  # noqa: PT017
            refused += 1
            assert refused < _FAILED_MAX, "nothing works any more"
        else:
            worked += 1
    return refused


def _opened(path: Path) -> SqlStore:
    # Opening may meet a fault as well.
    while True:
        try:
            return open_numbered(f"sqlite:///{path}")
        except UnavailableError:
            continue


def _keep(path: Path, to: Path) -> None:
    for end in ("", "-wal"):
        source = path.with_name(path.name + end)
        if source.exists():
            shutil.copyfile(source, to.with_name(to.name + end))


def fail_backups(path: Path) -> int:
    """Back up until enough worked; return how many failed, leaving nothing behind."""
    worked = failed = 0
    while worked < _WORKED:
        target = path.with_name(f"backup-{worked}.db")
        try:
            back_up(path, target, lambda *_: None)
        except (UnavailableError, OSError):
            failed += 1
            assert failed < _FAILED_MAX, "nothing works any more"
            # It may be there if its name could not be synced; then it is sound, too.
            if not target.exists():
                continue
        worked += 1
        assert not list(path.parent.glob("*.part"))
        with reading_file(target, "check it") as connection:
            assert not faults_of_file(connection, is_quick=False, limit=1)
    return failed


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    _does = {
        "commit": fail_commits,
        "read": fail_reads,
        "open": fail_opens,
        "backup": fail_backups,
    }
    sys.stdout.write(f"{_does[sys.argv[1]](Path(sys.argv[2]))}\n")
