"""
The real server, set to kill or stop itself at a named point: a hook of the tests alone.

A point is what the store is doing, as its messages say it, and where in it: ``commit,
before`` is with everything written and nothing committed, ``commit, after`` is with
everything committed and nobody answered. ``commit, at journal`` is before the rows of
that table are sent, and behind those of the tables before it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Insert

from server.cli import main as run
from server.runtime import timers
from server.storage import row_writing
from server.storage.clearing import Clearing
from server.storage.database import Database
from server.storage.prepared import Asked, Found
from server.storage.rows import Row

_UNTIL_STOPPED_S = 0.2


class Fuse:
    """Sends this process a signal when it was passed so many times at one point."""

    def __init__(self, point: str, count: int, sent: signal.Signals) -> None:
        self._point = point
        self._left = count
        self._sent = sent

    def passing(self, point: str) -> None:
        """Say that a point is passed; may not return."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._sent)
                # A stop reaches the threads one by one: this one could go on with what
                # comes next, and a commit is not waited for before it is sent.
                time.sleep(_UNTIL_STOPPED_S)


def main(point: str, count: int, sent: signal.Signals = signal.SIGKILL) -> None:
    """Run the command line, to get a signal the n-th time that it is at a point."""
    fuse = Fuse(point, count, sent)
    arm(fuse)
    # Checkpoints of the journal are looked for every hour else.
    timers._HOUR_S = 0.2
    run()


def arm(fuse: Fuse) -> None:
    """Put the fuse into the store, for good."""
    # All transactions pass it, those that ask nothing first too.
    writing = Database.writing_knowing

    @contextmanager
    def burning(
        self: Database, doing: str, asked: Sequence[Asked]
    ) -> Iterator[tuple[Connection, list[Found]]]:
        with writing(self, doing, asked) as begun:
            yield begun
            fuse.passing(f"{doing}, before")
        fuse.passing(f"{doing}, after")

    Database.writing_knowing = burning
    write_rows = row_writing.write_rows

    def stepping(
        connection: Connection, statement: Insert, rows: Sequence[Row]
    ) -> None:
        fuse.passing(f"commit, at {statement.table.name}")
        write_rows(connection, statement, rows)

    row_writing.write_rows = stepping
    Clearing._clear_journal = _passed(
        Clearing._clear_journal, fuse, "erase, in the middle"
    )


def _passed(
    clear: Callable[[Clearing, Connection], None], fuse: Fuse, point: str
) -> Callable[[Clearing, Connection], None]:
    def run_it(self: Clearing, connection: Connection) -> None:
        fuse.passing(point)
        clear(self, connection)

    return run_it
