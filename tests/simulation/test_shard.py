"""Long random lives of a shard, with crashes, against a model and a twin."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.moves import Moves
from tests.simulation.world import World

SEEDS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
STEPS = 600

# What all lives together must have met, so that none of it is tested in name only.
MET = (
    "restart",
    "lost before commit",
    "refused, then lost",
    "round",
    "round lost",
    "left as they were",
    "dropped",
    "MATCHED",
    "WAITING",
    "WAREHOUSE",
    "CANCELLED",
    "UpsertDemands refused",
    "CancelDemand refused",
    "SubmitReturns refused",
    "RecordVerification refused",
    "CancelReturn refused",
    "ConfirmMatch",
    "ConfirmMatch refused",
    "ReleaseMatch",
    "ReleaseMatch refused",
    "RecordOutcome",
    "RecordOutcome refused",
    "guardrail tripped",
    "ActivatePolicy refused",
    "RollbackPolicy",
    "RollbackPolicy refused",
    "ResumeProgram refused",
    "PROGRAM_PAUSED",
    "VOLUME_CAP_REACHED",
    "SKU_DEMAND_TOO_THIN",
    "DeleteWarehouse refused",
    "DeleteServiceArea refused",
    "HOLD_EXPIRED",
    "MATCH_RELEASED",
    "DECIDE_BY_REACHED",
    "DEMAND_CHANGED",
    "DEMAND_CAPACITY",
    "DEMAND_RELEASED_BEFORE",
    "DEMAND_SHIPS_TOO_SOON",
    "VERIFICATION_EXPIRED",
    "VERIFICATION_PENDING",
    "ITEM_END_OF_SEASON",
    "OUTSIDE_SERVICE_AREA",
    "DEMAND_OUTSIDE_SERVICE_AREA",
    "WAREHOUSE_OVER_CAPACITY",
    "STANDARD_WAREHOUSE_ROUTE",
)


def _life(seed: int) -> Counter[str]:
    world = World()
    moves = Moves(world, seed)
    moves.start()
    for step in range(STEPS):
        try:
            moves.step()
            if step % 10 == 0:
                world.check_memory()
        except AssertionError as error:
            error.add_note(f"seed {seed}, step {step}")
            raise
    world.end()
    world.check_replay(STEPS // 2)
    return world.met


@pytest.fixture(name="met", scope="module")
def _met() -> Counter[str]:
    return Counter()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_life_keeps_the_invariants(seed: int, met: Counter[str]) -> None:
    """600 moves, then all time runs out: I1, I2, I3, I6, I7, I8, I11, I12 (R2, R61)."""
    met.update(_life(seed))


def test_the_lives_met_everything(met: Counter[str]) -> None:
    """Each move, refusal, outcome and reason that matters came up among the seeds."""
    missing = [name for name in MET if not met[name]]
    assert not missing, sorted(met.items())
