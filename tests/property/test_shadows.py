"""What shadows would have had is what acting gives."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.ids import ReturnId
from matcher.domain.mode import Mode
from matcher.domain.policy import Policy
from matcher.engine.commands import UpsertWarehouse
from matcher.engine.snapshot import Snapshot
from tests.property.test_plan import EXAMPLES, policies, snapshots
from tests.scenarios import NOW_US, RunningShard

_MARGIN_US = 1_000_000

#: Whose unit, how far away, what it saves and what its label costs.
Had = tuple[str, int, int, int]


def _lived(snapshot: Snapshot, terms: Policy) -> RunningShard:
    shard = RunningShard()
    shard.activate(terms)
    for each in snapshot.warehouses:
        # With room for all: an item that goes to a warehouse takes none from others.
        shard.apply(UpsertWarehouse(replace(each, daily_capacity=1_000)))
    shard.upsert(*snapshot.demands)
    items = [i for i in snapshot.return_items if i.decide_by_us > NOW_US + _MARGIN_US]
    shard.submit(*items)
    shard.round()
    return shard


@settings(max_examples=2 * EXAMPLES, deadline=None)
@given(snapshots(), policies(), st.sampled_from(["mode", "rollout"]))
def test_shadows_have_what_acting_gives(
    snapshot: Snapshot, terms: Policy, kept_out_by: str
) -> None:
    """The same pairs and figures, where nobody real is in the way (R26, R31)."""
    everybody = replace(terms, rollout_basis_points=10_000)
    acts = _lived(snapshot, everybody)
    changed = {"mode": Mode.SHADOW, "rollout_basis_points": 10_000}
    if kept_out_by == "rollout":
        changed = {"rollout_basis_points": 0}
    observes = _lived(snapshot, replace(terms, **changed))
    real: dict[ReturnId, Had] = {
        each.return_id: (
            each.demand_id,
            each.distance_m,
            each.saving_micros,
            each.match_cost_micros,
        )
        for each in acts.store.rows.matches.values()
    }
    would: dict[ReturnId, Had] = {
        each.return_id: (
            each.result.demand_id,
            each.result.distance_m,
            each.result.saving_micros,
            each.result.label_micros,
        )
        for each in observes.store.rows.shadows.values()
        if each.result
    }
    assert would == real
    assert not observes.store.rows.matches
    for record in observes.store.rows.demands.values():
        assert record.held_count == 0
