"""Commits whose every row carries their number, so that half of one can be told."""

from __future__ import annotations

import random

from server.storage.opening import open_store
from server.storage.sql_store import SqlStore
from server.storage.sqlite_database import SqliteParams
from tests.contract.store.rows import (
    BRAND,
    OTHER,
    answer_row,
    changes_of,
    decision_row,
    demand_row,
    match_row,
    return_row,
    round_row,
)

# A log of 100 pages is checkpointed every few commits, so that faults meet those, too.
_PARAMS = SqliteParams(checkpoint_pages=100)
_DEMAND_COUNT = 40


def open_numbered(url: str) -> SqlStore:
    """Open or make the store of numbered commits."""
    return open_store(url, _PARAMS)


def commit_number(store: SqlStore, number: int) -> None:
    """Commit rows of two tenants, with a number in their version or their id."""
    demands = [
        demand_row(f"d{each:02d}", version=number) for each in range(_DEMAND_COUNT)
    ]
    decisions = decision_row(2 * number - 1), decision_row(2 * number)
    numbered = match_row(number), round_row(number, proof=_proof(number))
    store.commit(
        [
            (BRAND, changes_of(*demands, *decisions, *numbered)),
            (OTHER, changes_of(return_row(version=number))),
        ],
        [answer_row(f"q{number}")],
    )


def last_commit(store: SqlStore) -> int:
    """Return the number of the last commit, every row of which must be there."""
    rows, others = store.load(BRAND), store.load(OTHER)
    last = rows.match_count
    stored = [last] * _DEMAND_COUNT if last else []
    assert [row.version for row in rows.demands] == stored
    assert [row.version for row in others.returns] == stored[:1]
    assert (rows.decision_count, rows.round_count) == (2 * last, last)
    assert [match.match_id for match in rows.matches] == [
        match_row(number).match_id for number in range(1, last + 1)
    ]
    logged = store.decisions_after(BRAND, 0, 2 * last + 9)
    assert [each.sequence for each in logged] == [*range(1, 2 * last + 1)]
    for number in range(1, last + 1):
        found = store.round(BRAND, round_row(number).round_id)
        assert found is not None
        assert found.proof == _proof(number)
        assert store.answer(BRAND, f"q{number}") is not None
    assert store.answer(BRAND, f"q{last + 1}") is None
    return last


def _proof(number: int) -> bytes:
    return random.Random(number).randbytes(9_000)
