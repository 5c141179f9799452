"""A connection to PostgreSQL that waits for so long, and tells no row in errors."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

from server.storage.prepared import Found

T = TypeVar("T")

# A parameter, as psycopg names it.
_PLACE = re.compile(r"%\((\w+)\)s")


class _Named(NamedTuple):
    # How a statement that the server keeps is called, and with which values.
    call: str
    places: Sequence[str]


class PostgresConnection(psycopg.Connection[tuple[object, ...]]):
    """
    A connection that is closed when an answer stays out for too long.

    The server ends a statement that takes too long, and the system ends a connection
    whose bytes nobody acknowledges. Neither helps against a network that takes bytes
    and delivers none, or a server that is stopped: a thread would wait for ever.

    Attributes
    ----------
    answer_timeout_s
        Seconds from a statement to the end of its answer; ``None`` is without end.
    """

    answer_timeout_s: float | None = None

    def __init__(self, pgconn: psycopg.pq.abc.PGconn) -> None:
        super().__init__(pgconn)
        # Holds a pipeline open that ends with the transaction, if there is one.
        self._unanswered: ExitStack | None = None
        self._named: dict[str, _Named] = {}
        self._names = itertools.count()

    def run_at_once(
        self, words: str, statements: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[Found]:
        """
        Run statements in one message with one answer; the first that fails ends it.

        In a pipeline each costs a third of what a lone one does with its answer, most
        of it in psycopg. Here they cost nearly nothing beyond what they do.

        Parameters
        ----------
        words
            Statements without values, with semicolons between them. They come first.
        statements
            Of few texts, which the server keeps, with values by name. The server's log
            and its statistics may show these: nothing personal.

        Returns
        -------
        list of Found
            One for each of the statements.
        """
        calls, values = [words], list[Any]()
        for text, given in statements:
            named = self._named.get(text) or self._name(text)
            calls.append(named.call)
            values += [given[each] for each in named.places]
        cursor = psycopg.ClientCursor(self).execute("; ".join(calls), values)
        return [
            _found(cursor.set_result(number - len(statements)))
            for number in range(len(statements))
        ]

    def _name(self, text: str) -> _Named:
        places = [*dict.fromkeys(_PLACE.findall(text))]
        name = f"nearturn_{next(self._names)}"
        numbered = _PLACE.sub(lambda each: f"${places.index(each[1]) + 1}", text)
        self.execute(f"PREPARE {name} AS {numbered}")
        values = f"({', '.join(['%s'] * len(places))})" if places else ""
        return self._named.setdefault(text, _Named(f"EXECUTE {name}{values}", places))

    def send_until_commit(self) -> None:
        """
        Send statements without waiting for their answers from here on.

        Only statements that give no rows, until the commit, which is sent behind them
        and waited for together with them. The first error is raised by it at the
        latest; statements behind that do nothing, and the commit is none.
        """
        assert self._unanswered is None, "a transaction is sent once"
        self._unanswered = ExitStack()
        self._unanswered.enter_context(self.pipeline())

    def commit(self) -> None:
        """
        Commit, behind everything that was sent.

        Raises
        ------
        psycopg.Error
            Of the first statement that failed, if one did; nothing is stored then. If
            the connection is closed by it, all may be stored.
        """
        unanswered, self._unanswered = self._unanswered, None
        if unanswered is None:
            super().commit()
            return
        with unanswered:
            # Prepared it would say nothing to whoever reads along, and save nothing.
            ended = self.execute("COMMIT", prepare=False)
        assert ended.statusmessage == "COMMIT", "a statement failed, and nobody said so"

    def rollback(self) -> None:
        """Roll back, whatever was sent."""
        self._end_sending()
        if self.info.transaction_status is not TransactionStatus.IDLE:
            # With it psycopg has the server forget all that is prepared, ours too.
            self._named.clear()
        super().rollback()

    def close(self) -> None:
        """Close it; of what was sent nothing is stored."""
        super().close()
        self._end_sending()

    def _end_sending(self) -> None:
        unanswered, self._unanswered = self._unanswered, None
        if unanswered is not None:
            # What failed is rolled back by whoever asks for this.
            with suppress(psycopg.Error):
                unanswered.close()

    def wait(
        self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None
    ) -> T:
        """
        Wait for an answer as psycopg does, but not for ever.

        Raises
        ------
        psycopg.Error
            As psycopg does, without details of rows.
        psycopg.OperationalError
            If it stays out. The connection is closed then, for whatever comes later
            would be taken for the answer to something else.
        """
        limit_s = self.answer_timeout_s if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit_s)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - has no other name
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"no answer within {limit_s:g} s, connection closed"
            ) from error
        except psycopg.Error as error:
            # What stands behind the first line may show a whole row, with people's
            # places and ids: it does not belong in error texts.
            if primary := error.diag.message_primary:
                error.args = (primary,)
            raise


def _found(cursor: psycopg.ClientCursor[tuple[Any, ...]]) -> Found:
    rows = cursor.fetchall() if cursor.description else []
    return Found(rows, cursor.rowcount)
