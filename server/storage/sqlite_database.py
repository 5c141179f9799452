"""SQLite as a store's database: one writer that checkpoints, readers that cannot."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, QueuePool, create_engine, exc

from matcher.domain.errors import InvalidValueError, UnavailableError
from server.storage.database import Database, connected, unavailable_unless_done
from server.storage.kept_connection import KEPT_COUNT
from server.storage.prepared import Asked, Found, driver_of, run
from server.storage.restore_marker import RestoreMarker
from server.storage.revision import bring_up_to_date, current_revision
from server.storage.sqlite_connection import connect, connect_read_only
from server.storage.store_file import faults_of_file
from server.storage.store_lock import StoreLock

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SqliteParams:
    """
    How to connect to a SQLite file.

    ``reader_count`` bounds the reads under way at once; a further one waits for up
    to ``wait_s`` seconds, as does a write while another program holds the file.
    ``checkpoint_pages`` is the length of the write-ahead log, in pages of 4 KiB,
    from which a commit also moves it into the database; ``cache_mib`` is the page
    cache of the writer. ``checks_integrity`` has the whole file read and checked
    when it is opened, at one or two seconds per gigabyte.
    """

    reader_count: int = 4
    wait_s: float = 5.0
    checkpoint_pages: int = 4_000
    cache_mib: int = 64
    checks_integrity: bool = False

    def __post_init__(self) -> None:
        ranges = {
            "reader_count": (1, 64),
            "wait_s": (0.0, 60.0),
            "checkpoint_pages": (100, 1_000_000),
            "cache_mib": (1, 65_536),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidValueError(name, value, f"{low:,} to {high:,}")


def open_sqlite(path: Path, params: SqliteParams) -> Database:
    """
    Open or make the store in a file and hold it alone until it is closed.

    Parameters
    ----------
    path
        The database file; its folder must exist. SQLite keeps ``-wal`` and
        ``-shm`` files beside it, and the store a ``.lock`` file.
    params
        Connection settings.

    Returns
    -------
    Database
        With the tables at the head revision.

    Raises
    ------
    UnavailableError
        If another process holds the store, a restore of it was cut off, the file is
        not a store or of a newer version (it is left as it was), or the file cannot be
        read and written.

    Notes
    -----
    SQLite before 3.51.3 can corrupt a database in write-ahead mode if two of its
    connections write or checkpoint at the same instant. So only the writer, of
    which there is one, does either: readers are opened read-only, never checkpoint
    on their own and are closed before the writer, whose closing then moves the
    log into the database.
    """
    # One name per file, or two processes would lock it under two names.
    path = path.resolve()
    with ExitStack() as undo, unavailable_unless_done("open it", str(path)):
        undo.callback(StoreLock(path).release)
        RestoreMarker(path).refuse()
        # Before anything writes: switching to write-ahead mode already changes a file.
        if path.exists():
            _roll_back_unfinished(path, params)
            _inspect(path, params)
        writer = _writer_engine(path, params)
        undo.callback(writer.dispose)
        with connected(writer) as connection:
            _begin_writing(connection, ())
            bring_up_to_date(connection, str(path))
            connection.commit()
        settle_log = functools.partial(_checkpoint, writer, path)
        undo.callback(settle_log)
        reader = _reader_engine(path, params)
        undo.callback(reader.dispose)
        return Database(
            str(path),
            writer,
            reader,
            undo.pop_all(),
            settle_log,
            begin_writing=_begin_writing,
            is_alone=True,
        )
    raise AssertionError("unreachable: no callback swallows an exception")


def _roll_back_unfinished(path: Path, params: SqliteParams) -> None:
    # A process killed while it switched a new file to write-ahead mode leaves a
    # rollback journal, and a read-only connection may not apply one.
    if not path.with_name(path.name + "-journal").exists():
        return
    engine = _engine(
        functools.partial(connect, path, "rw", params.wait_s), 1, params.wait_s
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").all()
    finally:
        engine.dispose()


def _inspect(path: Path, params: SqliteParams) -> None:
    inspector = _reader_engine(path, params)
    try:
        with inspector.connect() as connection:
            current_revision(connection, str(path))
            _refuse_truncated(connection, path)
            if params.checks_integrity:
                _check_integrity(connection, path)
    finally:
        inspector.dispose()


def _refuse_truncated(connection: Connection, path: Path) -> None:
    # SQLite itself sees that whole pages are missing, but reads the rest of a last
    # page as zeros. With a log beside it, the file may have been growing when the
    # power went: the log then has the page.
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        return
    page_size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    size = path.stat().st_size
    if size % page_size:
        raise UnavailableError(
            f"store {path}: cannot open it: it is damaged: {size:,} bytes are no whole "
            f"number of pages of {page_size:,}"
        )


def _check_integrity(connection: Connection, path: Path) -> None:
    # Not the full check: it also compares every index with its table, which takes
    # three times as long.
    faults = faults_of_file(connection, is_quick=True, limit=1)
    if faults:
        raise UnavailableError(
            f"store {path}: cannot open it: it is damaged: {faults[0]}"
        )


def _begin_writing(connection: Connection, asked: Sequence[Asked]) -> list[Found]:
    # The lock is taken at the start: a deferred transaction that reads before it
    # writes can fail half-way when somebody else wrote in between.
    driver, dialect = driver_of(connection), connection.dialect
    driver.execute("BEGIN IMMEDIATE")
    cursors = (run(driver, dialect, *each) for each in asked)
    return [Found(cursor.fetchall(), cursor.rowcount) for cursor in cursors]


def _writer_engine(path: Path, params: SqliteParams) -> Engine:
    return _engine(functools.partial(_connect_writer, path, params), 1, params.wait_s)


def _reader_engine(path: Path, params: SqliteParams) -> Engine:
    return _engine(
        functools.partial(connect_read_only, path, params.wait_s),
        params.reader_count + KEPT_COUNT,
        params.wait_s,
    )


def _engine(
    connect: functools.partial[sqlite3.Connection], size: int, wait_s: float
) -> Engine:
    return create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=wait_s,
        # Rows hold people's places and ids: they do not belong in error texts.
        hide_parameters=True,
    )


def _connect_writer(path: Path, params: SqliteParams) -> sqlite3.Connection:
    connection = connect(path, "rwc", params.wait_s)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise UnavailableError(
                f"store {path}: cannot open it: its file system does not allow "
                f"SQLite's write-ahead log (journal mode is {mode}); use a local disk"
            )
        connection.execute("PRAGMA synchronous = FULL")
        # On macOS only this makes fsync reach the disk; elsewhere it does nothing.
        connection.execute("PRAGMA fullfsync = ON")
        # What is deleted is gone: personal data is erased, not only forgotten.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {params.checkpoint_pages:d}")
        connection.execute(f"PRAGMA cache_size = -{params.cache_mib * 1024:d}")
    except BaseException:
        connection.close()
        raise
    return connection


def _checkpoint(writer: Engine, path: Path) -> None:
    # Outside any transaction, so past the engine, which would begin one.
    try:
        with closing(writer.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except (sqlite3.Error, exc.SQLAlchemyError) as error:
        # A log that stays behind loses nothing: the next opening reads it.
        _log.warning("store_log_left_behind", place=str(path), error=str(error))
