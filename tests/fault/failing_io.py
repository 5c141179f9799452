"""
A store whose n-th system call of a kind fails, for every n: a program under fiu-run.

It prints a line for each fault that was met. Any answer but those that are right ends
it with a traceback.
"""

from __future__ import annotations

import ctypes
import shutil
import sys
from contextlib import closing, suppress
from pathlib import Path

import structlog

from matcher.domain.errors import UnavailableError
from server.storage.backup import back_up
from server.storage.sql_store import SqlStore
from server.storage.store_file import faults_of_file, reading_file
from tests.fault.numbered_commits import commit_number, last_commit, open_numbered

_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.POINTER(ctypes.c_int),
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(ctypes.c_uint),
)


class FailingCall:
    """
    The n-th call of a kind fails, and with ``stays`` each one after it, too.

    Parameters
    ----------
    name
        As libfiu names it: ``posix/io/rw/pwrite``.
    at
        Which call, from 1.
    errno
        What it fails with.
    stays
        Whether the trouble lasts.
    """

    def __init__(self, name: str, at: int, errno: int, *, stays: bool) -> None:
        self._library = ctypes.CDLL("libfiu.so.0")
        self._name = name.encode()
        self._errno = errno
        self._at = at
        self._stays = stays
        self.count = 0
        # Kept: the library calls it for as long as it is enabled.
        self._callback = _CALLBACK(self._decide)

    def _decide(self, *_: object) -> int:
        self.count += 1
        return int(self.count == self._at or (self._stays and self.count > self._at))

    def __enter__(self) -> FailingCall:
        failed = self._library.fiu_enable_external(
            self._name, 1, ctypes.c_void_p(self._errno), 0, self._callback
        )
        assert not failed, "libfiu is not there; run this by fiu-run -x"
        return self

    def __exit__(self, *_: object) -> None:
        self._library.fiu_disable(self._name)

    @property
    def was_met(self) -> bool:
        """Whether anything failed."""
        return self.count >= self._at


def _copied(path: Path, to: Path) -> Path:
    # What a kill now would leave.
    for end in ("", "-wal"):
        to.with_name(to.name + end).unlink(missing_ok=True)
        if path.with_name(path.name + end).exists():
            shutil.copyfile(
                path.with_name(path.name + end), to.with_name(to.name + end)
            )
    return to


def fail_a_commit(store: SqlStore, path: Path, fault: FailingCall) -> bool:
    """
    Commit with the fault; return whether it was met.

    A commit that was refused is nowhere for whoever reads; if the process died now,
    it would be there whole or not at all. The next one works. One that was
    acknowledged is there.
    """
    before = last_commit(store)
    with fault:
        try:
            commit_number(store, before + 1)
        except UnavailableError:
            expected = before
            # Reads go on while writing is in trouble.
            assert last_commit(store) == before
        else:
            expected = before + 1
    died = _copied(path, path.with_name("died.db"))
    assert last_commit(store) == expected
    with closing(open_numbered(died)) as again:
        assert last_commit(again) in (expected, before + 1)
    commit_number(store, expected + 1)
    assert last_commit(store) == expected + 1
    return fault.was_met


def fail_a_backup(path: Path, fault: FailingCall) -> bool:
    """
    Back a store up with the fault; a backup is sound, or it is not there.

    It may be there after an error: its name was given and could not be synced.
    """
    target = path.with_name("backup.db")
    target.unlink(missing_ok=True)
    with fault, suppress(UnavailableError, OSError):
        back_up(path, target, lambda *_: None)
    assert not list(path.parent.glob("*.part"))
    if target.exists():
        with reading_file(target, "check it") as connection:
            assert not faults_of_file(connection, is_quick=False, limit=1)
    return fault.was_met


def main(folder: Path, what: str, name: str, errno: int, *, stays: bool) -> None:
    """Let each call of a kind fail, one after the other, until none is met."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    path = folder / "store.db"
    with closing(open_numbered(path)) as store:
        commit_number(store, 1)
        at = 0
        is_met = True
        while is_met:
            at += 1
            fault = FailingCall(name, at, errno, stays=stays)
            if what == "commit":
                is_met = fail_a_commit(store, path, fault)
            else:
                is_met = fail_a_backup(path, fault)
        sys.stdout.write(f"{at - 1}\n")
    with reading_file(path, "check it") as connection:
        assert not faults_of_file(connection, is_quick=False, limit=1)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        sys.argv[2],
        sys.argv[3],
        int(sys.argv[4]),
        stays=sys.argv[5] == "stays",
    )
