"""What must hold of the shadows of a life."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from matcher.domain.ids import DemandId, ReturnId, RoundId
from matcher.domain.match_limit import LimitScope
from matcher.domain.policy import MatchKey
from matcher.domain.return_item import ReturnState
from matcher.domain.shadow import ShadowResult, ShadowState
from matcher.engine.archive import LiveRows
from matcher.engine.changes import Changes
from matcher.engine.journal import Checkpoint, ShadowsBegan, ShadowsFinished
from matcher.engine.limits import ShardLimits
from matcher.engine.shadow_rounds import ShadowTask, SolvedShadows, solve_shadows
from matcher.simulate.replay import replay
from matcher.solve import check_certificate
from tests.scenarios import TENANT
from tests.simulation.reference_model import ReferenceModel
from tests.simulation.shades import Begun, finish_shades, take_shades
from tests.unit.engine.naive_market import metres

if TYPE_CHECKING:
    from tests.simulation.world import World


def proposed(
    begun: Begun, answer: SolvedShadows, used: Counter[DemandId]
) -> list[tuple[ReturnId, DemandId]]:
    """Return the pairs of an optimum of exactly the units that nobody else has."""
    assert answer.solved is not None
    market, assignment = answer.solved.market, answer.solved.assignment
    ids = [record.demand.demand_id for record in market.demands]
    free = [begun.open[each] - begun.taken.get(each, 0) - used[each] for each in ids]
    assert market.graph.capacity.tolist() == [max(0, units) for units in free]
    groups, weighed = answer.solved.groups, answer.solved.weighed
    check_certificate(weighed.graph, assignment, groups and groups.limits)
    pairs = [
        (market.items[row].item.return_id, ids[column])
        for row, column in enumerate(assignment.column.tolist())
        if column >= 0
    ]
    for limit in begun.policy.match_limits:
        # R57: whoever is real takes the places of a day first.
        if limit.scope is LimitScope.DAY and pairs:
            made = begun.day_count + used.total() + len(pairs)
            assert made <= limit.count_max
    return pairs


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


def check_asked(world: World, begun: Begun, task: ShadowTask) -> None:
    """Check that all that would have stayed are asked about, or left as they were."""
    looked_at = {record.item.return_id for record in task.records}
    unmoved = begun.shades & set(task.unmoved)
    assert looked_at == begun.shades - unmoved
    world.met["shadows left as they were"] += len(unmoved)


def finish_shadows(
    world: World,
    begun: Begun,
    answers: tuple[SolvedShadows, SolvedShadows],
    used: Counter[DemandId],
    round_id: RoundId,
) -> None:
    """Check what both sides have noted; ``used`` are the units of the round itself."""
    pairs = [proposed(begun, answer, used) for answer in answers]
    assert pairs[0] == pairs[1]
    kept = finish_shades(world.model, begun, pairs[0])
    rows = world.crashing.store.rows.shadows
    for return_id, demand_id in kept:
        result = rows[return_id].result
        assert result is not None
        assert (result.demand_id, result.round_id) == (demand_id, round_id)
        check_pair(world.model, begun, return_id, result)
    world.met["shadow dropped"] += len(pairs[0]) - len(kept)


def ask_between_rounds(world: World, meanwhile: Callable[[], object]) -> None:
    """Ask about shadows on all sides, and nobody else."""
    sides = (world.crashing, world.steady)
    world.set_clocks()
    world.model.settle(world.now_us)
    assert world.model.active is not None
    begun = take_shades(world.model, world.model.active, {})
    tasks = [side.shard.begin_shadows(world.now_us) for side in sides]
    for side, task in zip(sides, tasks, strict=True):
        side.commit()
        check_asked(world, begun, task)
    world.compare()
    world.is_asking = True
    meanwhile()
    world.is_asking = False
    world.set_clocks()
    world.model.settle(world.now_us)
    answers = (solve_shadows(tasks[0], None), solve_shadows(tasks[1], None, threads=2))
    for side, answer in zip(sides, answers, strict=True):
        side.shard.finish_shadows(answer, world.now_us)
        side.commit()
    finish_shadows(world, begun, answers, Counter(), RoundId(""))
    world.compare()


def check_without_shadows(history: Sequence[Changes], limits: ShardLimits) -> None:
    """Live again and keep no shadow: all that is real is the same, to the byte."""
    lived, again = Changes(), Changes()
    for changes in history:
        lived.add(changes)
    entries = [
        entry
        for entry in lived.journal
        if not isinstance(entry.event, ShadowsBegan | ShadowsFinished)
    ]
    start = Checkpoint(lived.journal[0].now_us, 0, LiveRows())
    nobody = replace(limits, shadow_count_max=0)
    for changes in replay(TENANT, start, entries, limits=nobody):
        again.add(changes)
    assert not any(s.state is ShadowState.MATCHED for s in again.shadows.values())
    assert again.shadows.keys() == lived.shadows.keys()
    for each in fields(Changes):
        if each.name not in ("journal", "shadows", "shadow_units"):
            assert getattr(again, each.name) == getattr(lived, each.name), each.name
