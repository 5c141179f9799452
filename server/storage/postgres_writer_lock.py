"""The lock of PostgreSQL's writers, and what frees it from one that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from psycopg.errors import InsufficientPrivilege, LockNotAvailable
from sqlalchemy import Connection

from server.storage.prepared import Asked, Found, bound, driver_of

log = structlog.get_logger(__name__)

#: Advisory lock of a database's writer: "nearturn" as a number.
WRITER_LOCK = int.from_bytes(b"nearturn", "big")

# Beside it while tables are made or changed. Between two statements that may take as
# long as it takes, so nobody ends it.
_MIGRATION_LOCK = WRITER_LOCK + 1

# Looks in the time that a writer may stand still.
_LOOK_COUNT = 4

# Whoever has the lock and is waited for by the server, which has done all that came.
# Each statement that comes changes the instant of the state.
_STANDING_STILL = f"""
    SELECT pid, backend_start, state_change, clock_timestamp() AS seen
    FROM pg_locks AS held JOIN pg_stat_activity USING (pid)
    WHERE datname = current_database() AND wait_event_type = 'Client'
    AND locktype = 'advisory' AND granted AND objsubid = 1
    AND held.database = datid AND classid = {WRITER_LOCK >> 32:d}
    AND objid = {WRITER_LOCK & 0xFFFFFFFF:d}
    AND NOT EXISTS (
        SELECT FROM pg_locks AS other WHERE other.pid = held.pid
        AND other.locktype = 'advisory' AND other.granted AND other.objsubid = 1
        AND other.database = datid AND other.classid = {_MIGRATION_LOCK >> 32:d}
        AND other.objid = {_MIGRATION_LOCK & 0xFFFFFFFF:d}
    )
"""  # noqa: S608 - numbers of ours
_END = f"""
    SELECT pg_terminate_backend(pid) FROM ({_STANDING_STILL}) AS found
    WHERE pid = %s AND backend_start = %s AND state_change = %s
"""  # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class WriterLockParams:
    """
    How to wait for another writer.

    ``still_ms`` is how long one may stand still before its session is ended,
    ``wait_ms`` how long to wait in all; ``None`` is without end.
    """

    still_ms: int
    wait_ms: int | None


class WriterLock:
    """
    Begins transactions that exclude those of every other writer of the database.

    Whoever waits looks at whom it waits for. A process that is stopped, or a machine
    that is gone, may leave a transaction behind whose statements are done and whose end
    never comes, and inside a pipeline the server's timeout for idle transactions does
    not run. So the one that waits ends that session: nothing of it is stored then, and
    its owner gets an error when it wakes. One that is at work is never ended, however
    long that takes.

    Parameters
    ----------
    params
        How long is waited, and when somebody stands still for too long.
    """

    def __init__(self, params: WriterLockParams) -> None:
        self._still_s = params.still_ms / 1_000
        step_ms = max(1, params.still_ms // _LOOK_COUNT)
        if params.wait_ms is not None:
            # Not so long that the timeout of statements comes first.
            step_ms = min(step_ms, max(1, params.wait_ms // 2))
        self._tries = None if params.wait_ms is None else -(-params.wait_ms // step_ms)
        self._begin = (
            "BEGIN ISOLATION LEVEL READ COMMITTED; "
            f"SET LOCAL lock_timeout = {step_ms:d}; "
            f"SELECT pg_advisory_xact_lock({WRITER_LOCK:d}); "
            "SET LOCAL lock_timeout TO DEFAULT"
        )
        self._seen: Any = None

    def begin(self, connection: Connection, asked: Sequence[Asked] = ()) -> list[Found]:
        """
        Begin a transaction, which sees what those before it have committed.

        Parameters
        ----------
        connection
            Outside of a transaction.
        asked
            Its first statements, sent and waited for together with the lock.

        Returns
        -------
        list of Found
            One for each of them.

        Raises
        ------
        psycopg.errors.LockNotAvailable
            If others were at work, one after the other, for as long as is waited.
        psycopg.Error
            If a statement failed; those behind it did nothing.
        """
        driver = driver_of(connection)
        statements = [bound(connection.dialect, *each) for each in asked]
        count = 0
        while True:
            count += 1
            try:
                found: list[Found] = driver.run_at_once(self._begin, statements)
            except LockNotAvailable:
                driver.rollback()
                self._look(driver)
                if count == self._tries:
                    raise
            else:
                return found

    def begin_migrating(self, connection: Connection) -> None:
        """Begin one that nobody ends while it stands still."""
        self.begin(connection)
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK:d})")

    def _look(self, driver: Any) -> None:
        now = driver.execute(_STANDING_STILL).fetchone()
        before = self._seen
        if now is None or before is None or now[:3] != before[:3]:
            self._seen = now
            return
        # By the database's clock alone.
        pid, *_, seen = now
        if (still_s := (seen - before[-1]).total_seconds()) < self._still_s:
            return
        self._seen = None
        try:
            ended = driver.execute(_END, now[:3]).fetchone()
        except InsufficientPrivilege as error:
            log.warning("writer_not_ended", pid=pid, error=str(error))
        else:
            if ended == (True,):
                log.warning("writer_ended", pid=pid, still_s=round(still_s, 1))
