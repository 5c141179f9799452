"""Dense towns, and what their matches are kept within."""

from __future__ import annotations

import random
from dataclasses import replace

from matcher.domain.item import Condition
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import Policy
from matcher.engine.snapshot import Snapshot
from tests.scenarios import demand, policy, return_item, rule

RADIUS_M = 3_000
STANDARD_MICROS = 5_000_000


def town(seed: int, *, returns: int, demands: int) -> Snapshot:
    """Return a dense town: few places, so that ties are normal, and two grades."""
    rng = random.Random(seed)

    def place(outskirts: float = 0.0) -> dict[str, float]:
        east_m = 250.0 * rng.randrange(24)
        if rng.random() < outskirts:
            east_m += 6_500.0
        return {"east_m": east_m, "north_m": 250.0 * rng.randrange(24)}

    grades = (Condition.GOOD, Condition.LIKE_NEW)
    return Snapshot(
        tuple(
            return_item(f"r{n:03}", **place(), condition=rng.choice(grades))
            for n in range(returns)
        ),
        tuple(
            demand(
                f"d{n:03}",
                **place(0.25),
                quantity=rng.choice([1, 1, 2]),
                min_condition=rng.choice(grades),
                priority=rng.randrange(3),
            )
            for n in range(demands)
        ),
    )


def terms_of(**changes: object) -> Policy:
    """Return dear labels, so that distance counts; far ones still save enough."""
    document = policy(rule(radius_m=RADIUS_M, min_saving_micros=400_000))
    model = replace(
        document.cost_model, label_per_km_micros=500_000, priority_step_micros=90_000
    )
    return replace(document, cost_model=model, **changes)


# Fewer matches than there could be, and groups that bind on either side.
LIMITED: dict[str, dict[str, object]] = {
    "a day": {"match_limits": (MatchLimit(LimitScope.DAY, 12),)},
    "zones": {"match_limits": (MatchLimit(LimitScope.ZONE, 1, 7),)},
    "nested zones": {
        "match_limits": (
            MatchLimit(LimitScope.ZONE, 1, 8),
            MatchLimit(LimitScope.ZONE, 4, 6),
        )
    },
    "a day, zones and SKUs": {
        "match_limits": (
            MatchLimit(LimitScope.SKU, 13),
            MatchLimit(LimitScope.DAY, 14),
            MatchLimit(LimitScope.ZONE, 2, 7),
        )
    },
}
_OBJECTIVES = {
    f"{each.name} within limits": {**LIMITED["nested zones"], "objective": each}
    for each in list(Objective)[2:]
}
WITHIN = LIMITED | _OBJECTIVES
