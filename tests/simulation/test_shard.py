"""Long random lives of a shard, with crashes, against a model and a twin."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.moves import Moves
from tests.simulation.past_checks import check_recorded, check_replay
from tests.simulation.shadow_checks import check_without_shadows
from tests.simulation.world import LIMITS, World

# One to twelve, and five that meet what is rare.
SEEDS = (*range(1, 13), 14, 16, 19, 31, 37)
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
    "ReleaseMatches",
    "ExtendMatch",
    "ExtendMatch refused",
    "RecordLabel",
    "RecordLabel refused",
    "label SUPERSEDED",
    "label VOIDED",
    "label to be voided",
    "overtaken",
    "ErasePersonalData",
    "ErasePersonalData refused",
    "RecordOutcome",
    "RecordOutcome refused",
    "guardrail tripped",
    "ActivatePolicy refused",
    "RollbackPolicy",
    "RollbackPolicy refused",
    "ResumeProgram refused",
    "PROGRAM_PAUSED",
    "VOLUME_CAP_REACHED",
    "NOT_IN_ROLLOUT",
    "SHADOW_MODE",
    "NOT_IN_ROLLOUT MATCHED",
    "NOT_IN_ROLLOUT UNMATCHED",
    "VOLUME_CAP_REACHED MATCHED",
    "VOLUME_CAP_REACHED UNMATCHED",
    "SHADOW_MODE MATCHED",
    "SHADOW_MODE UNMATCHED",
    "SHADOW_MODE SKIPPED",
    "shadow DECIDE_BY_REACHED",
    "shadow DEMAND_CAPACITY",
    "shadow VERIFICATION_EXPIRED",
    "shadow dropped",
    "shadows left as they were",
    "SKU_DEMAND_TOO_THIN",
    "DeleteWarehouse refused",
    "UpsertDropOffPoint",
    "DeleteDropOffPoint",
    "DeleteDropOffPoint refused",
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
    "DAY_LIMIT_REACHED",
    "SKU_LIMIT_REACHED",
    "ZONE_LIMIT_REACHED",
    "WAREHOUSE_LIMIT_REACHED",
    "limit filled",
    "WAREHOUSE_OVER_CAPACITY",
    "STANDARD_WAREHOUSE_ROUTE",
    "recorded round",
    "exact RADIUS",
    "exact CONDITION",
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
    check_replay(world.crashing.history, LIMITS, STEPS // 2)
    check_without_shadows(world.crashing.history, LIMITS)
    check_recorded(world.crashing.history, 5, world.met)
    return world.met


@pytest.fixture(name="met", scope="module")
def _met() -> Counter[str]:
    return Counter()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_life_keeps_the_invariants(seed: int, met: Counter[str]) -> None:
    """
    600 moves, then all time runs out: I1, I2, I3, I6, I7, I8, I11, I12 (R2, R61).

    No shadow holds a real unit, no unit is counted for two, each that was kept out
    ends with one result, and without shadows all that is real is the same (R26, R57).
    """
    met.update(_life(seed))


def test_the_lives_met_everything(met: Counter[str]) -> None:
    """Each move, refusal, outcome and reason that matters came up among the seeds."""
    missing = [name for name in MET if not met[name]]
    assert not missing, sorted(met.items())
