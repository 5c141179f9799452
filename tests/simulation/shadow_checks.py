"""What must hold of the shadows of a life."""

from __future__ import annotations

from collections import Counter

from matcher.domain.ids import DemandId, ReturnId
from matcher.domain.policy import MatchKey
from matcher.domain.return_item import ReturnState
from matcher.domain.shadow import ShadowResult, ShadowState
from matcher.engine.changes import Changes
from matcher.engine.shadow_rounds import SolvedShadows
from matcher.solve import check_certificate
from tests.simulation.reference_model import Begun, ReferenceModel
from tests.unit.engine.naive_market import metres


def proposed(
    begun: Begun, answer: SolvedShadows, used: Counter[DemandId]
) -> list[tuple[ReturnId, DemandId]]:
    """Return the pairs of an optimum of exactly the units that nobody else has."""
    assert answer.solved is not None
    market, assignment = answer.solved.market, answer.solved.assignment
    ids = [record.demand.demand_id for record in market.demands]
    free = [begun.open[each] - begun.taken.get(each, 0) - used[each] for each in ids]
    assert market.graph.capacity.tolist() == [max(0, units) for units in free]
    check_certificate(market.graph, assignment)
    return [
        (market.items[row].item.return_id, ids[column])
        for row, column in enumerate(assignment.column.tolist())
        if column >= 0
    ]


def check_pair(
    model: ReferenceModel, begun: Begun, return_id: ReturnId, result: ShadowResult
) -> None:
    """Check every limit of a pair that would have been made."""
    shade = model.shades.all[return_id]
    item, wanted = shade.item, model.orders[result.demand_id].demand
    rule = begun.policy.rule_for(item.category)
    assert rule is not None
    if rule.match_key is MatchKey.SKU:
        assert item.sku == wanted.sku
    assert item.category == wanted.category or rule.match_key is MatchKey.SKU
    assert result.distance_m == metres(item.location, wanted.location)
    assert result.distance_m <= rule.radius_m
    assert item.condition >= wanted.min_condition
    assert wanted.accepts_returned_item
    assert result.demand_id not in shade.released
    assert result.saving_micros >= rule.min_saving_micros
    assert result.waiting_us == model.now_us - shade.created_us
    assert result.policy_version == begun.policy.version


def check_shadows(rows: Changes, model: ReferenceModel) -> None:
    """Check that each item that was kept out is one shadow, as the model has it."""
    shades = model.shades.all
    assert {k: (s.kept_out, s.policy_version, s.state) for k, s in shades.items()} == {
        k: (s.kept_out, s.policy_version, s.state) for k, s in rows.shadows.items()
    }
    taken: Counter[DemandId] = Counter()
    for return_id, shadow in rows.shadows.items():
        # R57: it went to its warehouse at once, whatever becomes of its shadow.
        assert model.parcels[return_id].state is ReturnState.WAREHOUSE
        assert (shadow.result is None) == (shadow.state is ShadowState.OPEN)
        result = shadow.result
        if result is None:
            continue
        assert (shadow.state is ShadowState.MATCHED) == bool(result.demand_id)
        assert result.decided_us <= model.now_us
        if result.demand_id:
            assert not result.reasons
            taken[result.demand_id] += 1
    assert taken == model.shades.taken
    for demand_id, units in rows.shadow_units.items():
        assert units is None or units.taken_count == taken[demand_id]
