"""Connections of a store: one that writes, a few that read, and what can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Engine, exc
from sqlalchemy.sql.expression import ClauseElement

from matcher.domain.errors import UnavailableError
from server.storage.codec import DocumentCodec
from server.storage.kept_connection import KeptConnection
from server.storage.prepared import Asked, Found, driver_of, fetch, run
from server.storage.sqlite_words import words_of
from server.storage.statements import Documents

T = TypeVar("T")

_INSUFFICIENT_PRIVILEGE = "42501"


@contextmanager
def unavailable_unless_done(doing: str, place: str) -> Iterator[None]:
    """
    Turn trouble of the database into an error that says what was not done.

    Trouble is what no caller caused: locked, full, read-only, gone, corrupt, no
    free connection, no right to it. A broken constraint or a bad statement is our own
    bug and goes through as it is.

    Parameters
    ----------
    doing
        What is being done, to complete "cannot ...".
    place
        The database as an operator would name it; no secret in it.

    Raises
    ------
    UnavailableError
        With the cause chained.
    """
    try:
        yield
    except (exc.OperationalError, exc.InternalError, exc.TimeoutError) as error:
        raise _unavailable(doing, place, error) from error
    except exc.DatabaseError as error:
        # The class itself is a corrupt file; its other subclasses are our bugs, but
        # for a right that the operator did not give.
        if type(error) is not exc.DatabaseError and not _is_forbidden(error):
            raise
        raise _unavailable(doing, place, error) from error
    except UnicodeDecodeError as error:
        # We write UTF-8 only, so this is a corrupt file, too.
        raise UnavailableError(
            f"store {place}: cannot {doing}: it is damaged: {error}"
        ) from error


def _is_forbidden(error: exc.DatabaseError) -> bool:
    return getattr(error.orig, "sqlstate", None) == _INSUFFICIENT_PRIVILEGE


def _unavailable(
    doing: str, place: str, error: exc.SQLAlchemyError
) -> UnavailableError:
    cause = (error.orig if isinstance(error, exc.DBAPIError) else None) or error
    return UnavailableError(f"store {place}: cannot {doing}: {words_of(cause)}")


@contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    """Give a connection; what its driver raises is told as SQLAlchemy tells it."""
    with engine.connect() as connection:
        try:
            yield connection
        except engine.dialect.loaded_dbapi.Error as error:
            raise _translated(connection, error) from error


def _translated(connection: Connection, error: Exception) -> exc.DBAPIError:
    # One that was replaced, and could not be, has no driver's connection.
    is_closed = connection.invalidated or _is_closed(driver_of(connection))
    raised = _named(error, connection.dialect, is_closed=is_closed)
    if is_closed:
        connection.invalidate(error)
    return raised


def _is_closed(driver: object) -> bool:
    return bool(getattr(driver, "closed", False))


def _named(error: Exception, dialect: Dialect, *, is_closed: bool) -> exc.DBAPIError:
    # What SQLAlchemy would have raised for an error of the driver.
    raised = exc.DBAPIError.instance(
        None,
        None,
        error,
        dialect.loaded_dbapi.Error,
        connection_invalidated=is_closed,
        dialect=dialect,
    )
    assert isinstance(raised, exc.DBAPIError), f"{error!r} is no error of the driver"
    return raised


class Database:
    """
    A writer of one connection and a pool of readers on one database.

    Parameters
    ----------
    place
        The database as an operator would name it, for messages.
    writer
        Engine with a pool of exactly one connection. Its transactions exclude
        those of every other writer, and see all that was committed before them.
    reader
        Engine whose connections cannot write, with a pool of one more than may be
        read from at once. Outside :meth:`snapshot` each statement sees the last
        commit.
    closing
        What to undo at the end, last in first out.
    settle_log
        Writes what only a log holds into the database, and empties the log.
    begin_writing
        Begins a transaction of the writer, others being kept out, and runs statements
        as its first. Returns what they found.
    begin_snapshot
        Statement with which a reader begins to see one commit only.
    is_alone
        Whether no other process can have it open.
    """

    def __init__(
        self,
        place: str,
        writer: Engine,
        reader: Engine,
        closing: ExitStack,
        settle_log: Callable[[], None],
        *,
        begin_writing: Callable[[Connection, Sequence[Asked]], list[Found]],
        begin_snapshot: str = "BEGIN",
        is_alone: bool,
    ) -> None:
        self.place = place
        self.is_alone = is_alone
        self._writer = writer
        self._reader = reader
        self._closing = closing
        self._look_ups = KeptConnection(reader)
        closing.callback(self._look_ups.close)
        self.settle_log = settle_log
        self._begin_writing = begin_writing
        self._begin_snapshot = begin_snapshot
        self._is_closed = False
        # Whether a commit may still be on its way, its connection being lost.
        self._is_unsure = False

    @contextmanager
    def writing(self, doing: str) -> Iterator[Connection]:
        """
        Give a transaction that is committed at the end, or leaves nothing.

        Raises
        ------
        UnavailableError
            If nothing is stored, or if the connection broke during the commit: then
            the error says so, for all of it may be stored.
        """
        with self.writing_knowing(doing, ()) as (connection, _):
            yield connection

    @contextmanager
    def writing_knowing(
        self, doing: str, asked: Sequence[Asked]
    ) -> Iterator[tuple[Connection, list[Found]]]:
        """
        Give a transaction as :meth:`writing` does, and what its first statements found.

        Parameters
        ----------
        doing
            What is being done, to complete "cannot ...".
        asked
            Statements that need nothing but that others are kept out. They are waited
            for together with that, and so cost no wait of their own. Their values
            may be shown by the database to its operator: nothing personal.

        Returns
        -------
        tuple
            The connection, and what each statement found.
        """
        with self._guard(doing), connected(self._writer) as connection:
            # Without a commit it is rolled back where the connection is given back.
            found = self._begin(connection, asked)
            yield connection, found
            self._commit(connection, doing)

    @contextmanager
    def reading(self, doing: str) -> Iterator[Connection]:
        """
        Give a connection for one statement.

        After a commit whose end nobody saw it waits until that has ended: whoever
        builds memory anew from the store must not miss what is stored a moment later.
        """
        with self._guard(doing):
            if self._is_unsure:
                self._see_the_end()
            with connected(self._reader) as connection:
                yield connection

    @contextmanager
    def snapshot(self, doing: str) -> Iterator[Connection]:
        """Give a connection whose statements all see the same commit."""
        with self.reading(doing) as connection:
            # Ended by the rollback with which a connection goes back to its pool.
            driver_of(connection).execute(self._begin_snapshot)
            yield connection

    def one(
        self,
        doing: str,
        statement: Documents,
        codec: DocumentCodec[T],
        parameters: Mapping[str, object],
    ) -> T | None:
        """Return the value of the one document that a statement finds, if any."""
        found = self.fetch(doing, statement, parameters)
        assert len(found) <= 1, f"{len(found)} rows where one was asked for"
        return codec.decode(found[0][0]) if found else None

    def many(
        self,
        doing: str,
        statement: Documents,
        codec: DocumentCodec[T],
        parameters: Mapping[str, object],
    ) -> list[T]:
        """Return the values of all documents that a statement finds, in its order."""
        found = self.fetch(doing, statement, parameters)
        return codec.decode_all(document for (document,) in found)

    def fetch(
        self, doing: str, statement: ClauseElement, parameters: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Return the rows of one statement, as the driver gives them."""
        with self._guard(doing):
            if self._is_unsure:
                self._see_the_end()
            return self._fetch(statement, parameters)

    def close(self) -> None:
        """Close every connection; a second call does nothing."""
        self._is_closed = True
        self._closing.close()

    def _begin(self, connection: Connection, asked: Sequence[Asked]) -> list[Found]:
        try:
            return self._begin_writing(connection, asked)
        except self._writer.dialect.loaded_dbapi.Error as error:
            named = _translated(connection, error)
            if not named.connection_invalidated:
                raise named from error
        # The server closed it meanwhile. Nothing can be stored, for no commit was sent.
        return self._begin_writing(connection, asked)

    def _fetch(
        self, statement: ClauseElement, parameters: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        try:
            return self._fetch_at_once(statement, parameters)
        except exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
        # The server closed it meanwhile: once more, on one that is known to be open.
        with connected(self._reader) as connection:
            return fetch(connection, statement, parameters)

    def _fetch_at_once(
        self, statement: ClauseElement, parameters: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        # Past SQLAlchemy's connection, which takes longer to make than most reads last.
        dialect = self._reader.dialect
        pooled = driver = None
        try:
            pooled = self._look_ups.take()
            driver = pooled.driver_connection
            found: list[tuple[Any, ...]]
            found = run(driver, dialect, statement, parameters).fetchall()
        except BaseException as error:
            # Whatever it has under way ends where it goes back to the pool.
            is_closed = _is_closed(driver)
            if pooled is not None:
                if is_closed:
                    pooled.invalidate(error)
                pooled.close()
            if isinstance(error, dialect.loaded_dbapi.Error):
                raise _named(error, dialect, is_closed=is_closed) from error
            raise
        self._look_ups.give_back(pooled)
        return found

    def _commit(self, connection: Connection, doing: str) -> None:
        try:
            driver_of(connection).commit()
        except self._writer.dialect.loaded_dbapi.Error as error:
            named = _translated(connection, error)
            if not named.connection_invalidated:
                raise named from error
            self._is_unsure = True
            unsure = f"{doing} for certain (it may be stored, a retry shows)"
            raise _unavailable(unsure, self.place, named) from error

    def _see_the_end(self) -> None:
        # A transaction excludes others for as long as its commit may come.
        with connected(self._writer) as connection:
            self._begin(connection, ())
            # Before the one connection is given back to whoever commits next.
            self._is_unsure = False

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        # An engine would connect again after its disposal; a store must not.
        if self._is_closed:
            raise UnavailableError(f"store {self.place}: cannot {doing}: it is closed")
        with unavailable_unless_done(doing, self.place):
            yield
