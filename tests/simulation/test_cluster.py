"""Lives of a cluster: crashes, hand-overs, lost and repeated messages, one store."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.scenarios.postgres_server import PostgresServer
from tests.simulation.cluster.life import live
from tests.simulation.cluster.planted import (
    AnswersBeforeCommit,
    CapOutsideTheTransaction,
    Unfenced,
)

# `make simulate` lives more of them, and longer.
SEEDS = (1, 2, 3, 6, 13, 14, 17)
STEPS = 250

# A commit of PostgreSQL's takes a few times as long.
ON_POSTGRES = 150

# What all lives together must have met, so that none of it is tested in name only.
MET = (
    "CRASH_BEFORE",
    "CRASH_AFTER",
    "FAILED",
    "UNKNOWN",
    "answer lost",
    "repeated",
    "taken over",
    "left in order",
    "started anew",
    "round",
    "round of an old owner refused",
    "VOLUME_CAP_REACHED",
    "ErasePersonalData",
    "HOLD_EXPIRED",
)

PLANTED: dict[str, dict[str, Any]] = {
    "ack before commit": {"host_type": AnswersBeforeCommit},
    "missing fence": {"disk_type": Unfenced},
    "cap outside the transaction": {"disk_type": CapOutsideTheTransaction},
}


@pytest.fixture(name="met", scope="module")
def _met() -> Counter[str]:
    return Counter()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_life_keeps_the_invariants(seed: int, met: Counter[str]) -> None:
    """
    Whatever befalls the servers, callers see one shard that never fails.

    I1 to I8, I11 and I12 after every step (R2, R3): the same answers, refusals and
    committed rows as a shard without faults, and as the model; the store on disk says
    what was committed; no old owner writes.
    """
    met.update(live(seed, STEPS))


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_a_life_is_the_same_on_postgres(seed: int, postgres: PostgresServer) -> None:
    """
    The real database in production keeps the invariants, too, and changes nothing.

    What a life meets is counted by name; every answer was held against the model.
    """
    there = live(seed, ON_POSTGRES, store_url=postgres.new_database())
    assert there == live(seed, ON_POSTGRES)


def test_the_lives_met_everything(met: Counter[str]) -> None:
    """Each fault and hand-over came up among the seeds."""
    missing = [name for name in MET if not met[name]]
    assert not missing, sorted(met.items())


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str) -> None:
    """Within 200 seeds, or the lives prove nothing; in fact within a few."""
    for seed in range(1, 201):
        try:
            live(seed, STEPS, **PLANTED[bug])
        except (AssertionError, LookupError):
            return
    pytest.fail(f"200 lives with {bug} and nothing noticed")
