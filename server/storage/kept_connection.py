"""A connection that does not go back to its pool after each read."""

from __future__ import annotations

from threading import Lock

from sqlalchemy import Engine, PoolProxiedConnection

#: Connections of a pool beside those that may be read from at once.
KEPT_COUNT = 1


class KeptConnection:
    """
    Gives connections of a pool, and keeps one of those that come back.

    To take one out of the pool and to put it back takes longer than most look-ups
    last. The pool has room for one more than are to be had at once: so look-ups find
    one while long reads have all others. Safe to use from threads.

    Parameters
    ----------
    engine
        Whose pool it is.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._kept: PoolProxiedConnection | None = None
        self._is_closed = False

    def take(self) -> PoolProxiedConnection:
        """
        Return the one that is kept, or another one while that is in use.

        Raises
        ------
        sqlalchemy.exc.TimeoutError
            If none is to be had for as long as is waited.
        """
        with self._lock:
            found, self._kept = self._kept, None
        return found or self._engine.raw_connection()

    def give_back(self, connection: PoolProxiedConnection) -> None:
        """Keep a connection that has nothing under way, or put it into its pool."""
        with self._lock:
            if self._kept is None and not self._is_closed:
                self._kept = connection
                return
        connection.close()

    def close(self) -> None:
        """Put the one that is kept into its pool, and keep no other."""
        with self._lock:
            self._is_closed = True
            kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()
