"""PostgreSQL as a store's database: one writer at a time, readers that cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import conninfo
from psycopg.abc import AdaptContext
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, exc

from matcher.domain.errors import InvalidValueError, UnavailableError
from server.storage.database import Database, connected, unavailable_unless_done
from server.storage.kept_connection import KEPT_COUNT
from server.storage.postgres_connection import PostgresConnection
from server.storage.postgres_params import PostgresParams
from server.storage.postgres_writer_lock import WriterLock, WriterLockParams
from server.storage.prepared import driver_of
from server.storage.revision import bring_up_to_date

#: The oldest major version that the suites were run on.
MAJOR_VERSION_MIN = 15

_ACCEPTED = (
    "postgresql://USER@HOST:PORT/DATABASE with the characters @ / : ? of a password "
    "percent-encoded, and no options but those of libpq"
)

# Seconds of silence after which the system asks whether the server is still there.
_KEEPALIVE_S = 10

_BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def open_postgres(url: str, params: PostgresParams) -> Database:
    """
    Open the store in a PostgreSQL database, making its tables where needed.

    Parameters
    ----------
    url
        ``postgresql://user@host:port/database``, as libpq reads it; what it leaves out
        comes from the environment (``PGPASSWORD``, ``PGPASSFILE`` and the like).
        Tables are made in the first schema of the search path.
    params
        Connection settings.

    Returns
    -------
    Database
        With the tables at the head revision. Another process may have it open, too:
        the transactions of writers exclude each other.

    Raises
    ------
    InvalidValueError
        If libpq cannot read the URL.
    UnavailableError
        If the server cannot be reached, is too old, or the database is not a store, of
        a newer version, or not in UTF-8. It is left as it was then.

    Notes
    -----
    A commit is on disk before it is acknowledged, whatever the server's default:
    sessions set ``synchronous_commit`` themselves.
    """
    asked = _asked(url)
    place = _place(asked)
    with ExitStack() as undo, unavailable_unless_done("open it", place):
        migrating = _engine(_Sessions(asked, params, "off", is_patient=True), 1)
        undo.callback(migrating.dispose)
        with connected(migrating) as connection:
            WriterLock(WriterLockParams(params.idle_timeout_ms, None)).begin_migrating(
                connection
            )
            _refuse_unfit(connection, place)
            bring_up_to_date(connection, place)
            driver_of(connection).commit()
        migrating.dispose()
        writer = _engine(_Sessions(asked, params, "off"), 1)
        undo.callback(writer.dispose)
        sessions = _Sessions(asked, params, "on")
        reader = _engine(sessions, params.reader_count + KEPT_COUNT)
        undo.callback(reader.dispose)
        event.listen(reader, "engine_connect", _replace_closed)
        lock = WriterLock(
            WriterLockParams(params.idle_timeout_ms, params.statement_timeout_ms)
        )
        return Database(
            place,
            writer,
            reader,
            undo.pop_all(),
            _settle_nothing,
            begin_writing=lock.begin,
            begin_snapshot=_BEGIN_SNAPSHOT,
            is_alone=False,
        )
    raise AssertionError("unreachable: no callback swallows an exception")


@contextmanager
def reading_postgres(
    url: str, params: PostgresParams, doing: str
) -> Iterator[tuple[Connection, str]]:
    """
    Give a connection that cannot write, whatever is in the database, and its place.

    Raises
    ------
    InvalidValueError, UnavailableError
        As :func:`open_postgres` does, but that any database will do that can be read.
    """
    asked = _asked(url)
    place = _place(asked)
    engine = _engine(_Sessions(asked, params, "on"), 1)
    try:
        with unavailable_unless_done(doing, place), engine.connect() as connection:
            yield connection, place
    finally:
        engine.dispose()


def _asked(url: str) -> dict[str, Any]:
    # In an error nothing is shown that may be part of a password.
    shown = url.rpartition("@")[2].partition("?")[0]
    try:
        asked: dict[str, Any] = dict(conninfo.conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        raise InvalidValueError("store_url", shown, _ACCEPTED) from None
    ports = str(asked.get("port", "")).replace(",", "")
    if "@" in str(asked.get("dbname", "")) or not (ports.isdecimal() or not ports):
        raise InvalidValueError("store_url", shown, _ACCEPTED)
    return asked


def _place(asked: dict[str, Any]) -> str:
    user = f"{asked['user']}@" if "user" in asked else ""
    port = f":{asked['port']}" if "port" in asked else ""
    return f"postgresql://{user}{asked.get('host', '')}{port}/{asked.get('dbname', '')}"


@dataclass(frozen=True, slots=True)
class _Sessions:
    """Sessions of one kind; a patient one waits for as long as a migration takes."""

    asked: dict[str, Any]
    params: PostgresParams
    read_only: str
    is_patient: bool = False

    def connect(self, context: AdaptContext) -> PostgresConnection:
        """Return a connection whose settings are those of its kind."""
        params, asked = self.params, self.asked
        session = {
            "connect_timeout": params.connect_timeout_s,
            "tcp_user_timeout": params.network_timeout_ms,
            # For those that wait without a limit: a machine that is gone is noticed.
            "keepalives_idle": _KEEPALIVE_S,
            "keepalives_interval": _KEEPALIVE_S,
            "application_name": "nearturn",
            **asked,
            "options": f"{asked.get('options', '')} {self._options()}",
        }
        # Transactions begin where a statement says so.
        connection = PostgresConnection.connect(
            **session, autocommit=True, context=context
        )
        if not self.is_patient:
            limit_ms = params.statement_timeout_ms + params.network_timeout_ms
            connection.answer_timeout_s = limit_ms / 1_000
        return connection

    def _options(self) -> str:
        params, is_patient = self.params, self.is_patient
        settings = {
            "client_encoding": "UTF8",
            "synchronous_commit": "on",
            "default_transaction_read_only": self.read_only,
            "statement_timeout": 0 if is_patient else params.statement_timeout_ms,
            "idle_in_transaction_session_timeout": (
                0 if is_patient else params.idle_timeout_ms
            ),
        }
        return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _engine(sessions: _Sessions, size: int) -> Engine:
    engine = create_engine(
        "postgresql+psycopg://",
        isolation_level="AUTOCOMMIT",
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=sessions.params.statement_timeout_ms / 1_000,
        # The one that was used last knows most statements, and was there last.
        pool_use_lifo=True,
        use_native_hstore=False,
        # Rows hold people's places and ids: they do not belong in error texts.
        hide_parameters=True,
    )

    @event.listens_for(engine, "do_connect")
    def connect(
        _dialect: object, _record: object, _arguments: object, given: dict[str, Any]
    ) -> PostgresConnection:
        return sessions.connect(given["context"])

    return engine


def _replace_closed(connection: Connection) -> None:
    # The server may have closed it meanwhile. Single statements have no need of this:
    # they are run once more.
    try:
        connection.exec_driver_sql("SELECT 1")
    except exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
    # Also ends what SQLAlchemy takes for a transaction; of a new one nothing is asked.
    connection.rollback()


def _refuse_unfit(connection: Connection, place: str) -> None:
    version = connection.exec_driver_sql("SHOW server_version").scalar_one()
    if int(version.partition(".")[0]) < MAJOR_VERSION_MIN:
        raise UnavailableError(
            f"store {place}: cannot open it: PostgreSQL is of version {version}; "
            f"accepted: {MAJOR_VERSION_MIN} and later"
        )
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise UnavailableError(
            f"store {place}: cannot open it: the database is in {encoding}; accepted: "
            "UTF8, in which the order of bytes is that of code points"
        )


def _settle_nothing() -> None:
    """Leave it to the server when its log ends, and when it sweeps out dead rows."""
