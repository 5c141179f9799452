"""Settings of a store in PostgreSQL; needs no driver."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class PostgresParams:
    """
    How to connect to PostgreSQL, and when to give up on it.

    ``reader_count`` bounds the reads under way at once; a further one waits for as
    long as a statement may take. ``connect_timeout_s`` is for one address of the
    server. ``statement_timeout_ms`` is what a statement may take, a wait for another
    writer included; ``idle_timeout_ms`` is how long a transaction may pause before it
    is ended, and so how long a writer that lost its network keeps the others waiting;
    ``network_timeout_ms`` is how long sent bytes may stay unacknowledged, and how long
    after ``statement_timeout_ms`` an answer is waited for.
    """

    reader_count: int = 4
    connect_timeout_s: int = 5
    statement_timeout_ms: int = 30_000
    idle_timeout_ms: int = 10_000
    network_timeout_ms: int = 5_000

    def __post_init__(self) -> None:
        ranges = {
            "reader_count": (1, 64),
            # libpq takes 1 for 2.
            "connect_timeout_s": (2, 60),
            "statement_timeout_ms": (100, 3_600_000),
            "idle_timeout_ms": (100, 3_600_000),
            "network_timeout_ms": (100, 600_000),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidValueError(name, value, f"{low:,} to {high:,}")
