"""A connection to PostgreSQL that waits for so long, and tells no row in errors."""

from __future__ import annotations

from typing import TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")


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
