"""Connections of a store: one that writes, a few that read, and what can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, exc

from matcher.domain.errors import UnavailableError
from server.storage.codec import DocumentCodec
from server.storage.statements import Documents

T = TypeVar("T")


@contextmanager
def unavailable_unless_done(doing: str, place: str) -> Iterator[None]:
    """
    Turn trouble of the database into an error that says what was not done.

    Trouble is what no caller caused: locked, full, read-only, gone, corrupt, no
    free connection. A broken constraint or a bad statement is our own bug and goes
    through as it is.

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
        # The class itself is a corrupt file; its other subclasses are our bugs.
        if type(error) is not exc.DatabaseError:
            raise
        raise _unavailable(doing, place, error) from error
    except UnicodeDecodeError as error:
        # We write UTF-8 only, so this is a corrupt file, too.
        raise UnavailableError(
            f"store {place}: cannot {doing}: it is damaged: {error}"
        ) from error


def _unavailable(
    doing: str, place: str, error: exc.SQLAlchemyError
) -> UnavailableError:
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    return UnavailableError(f"store {place}: cannot {doing}: {cause}")


class Database:
    """
    A writer of one connection and a pool of readers on one database.

    Parameters
    ----------
    place
        The database as an operator would name it, for messages.
    writer
        Engine with a pool of exactly one connection. Its transactions exclude
        those of every other writer.
    reader
        Engine whose connections cannot write. Outside :meth:`snapshot` each
        statement sees the last commit.
    closing
        What to undo at the end, last in first out.
    settle_log
        Writes what only a log holds into the database, and empties the log.
    """

    def __init__(
        self,
        place: str,
        writer: Engine,
        reader: Engine,
        closing: ExitStack,
        settle_log: Callable[[], None],
    ) -> None:
        self.place = place
        self._writer = writer
        self._reader = reader
        self._closing = closing
        self.settle_log = settle_log
        self._is_closed = False

    @contextmanager
    def writing(self, doing: str) -> Iterator[Connection]:
        """Give a transaction that is committed at the end, or leaves nothing."""
        with self._guard(doing), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self, doing: str) -> Iterator[Connection]:
        """Give a connection for one statement."""
        with self._guard(doing), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self, doing: str) -> Iterator[Connection]:
        """Give a connection whose statements all see the same commit."""
        with self.reading(doing) as connection:
            # Ended by the rollback with which a connection goes back to its pool.
            connection.exec_driver_sql("BEGIN")
            yield connection

    def one(
        self,
        doing: str,
        statement: Documents,
        codec: DocumentCodec[T],
        parameters: Mapping[str, object],
    ) -> T | None:
        """Return the value of the one document that a statement finds, if any."""
        with self.reading(doing) as connection:
            document = connection.execute(statement, parameters).scalar_one_or_none()
        return None if document is None else codec.decode(document)

    def many(
        self,
        doing: str,
        statement: Documents,
        codec: DocumentCodec[T],
        parameters: Mapping[str, object],
    ) -> list[T]:
        """Return the values of all documents that a statement finds, in its order."""
        with self.reading(doing) as connection:
            documents = connection.execute(statement, parameters).scalars().all()
        return codec.decode_all(documents)

    def close(self) -> None:
        """Close every connection; a second call does nothing."""
        self._is_closed = True
        self._closing.close()

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        # An engine would connect again after its disposal; a store must not.
        if self._is_closed:
            raise UnavailableError(f"store {self.place}: cannot {doing}: it is closed")
        with unavailable_unless_done(doing, self.place):
            yield
