"""Alternatives, losses and chains, held against planning again without the item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from matcher.domain.ids import DemandId, ReturnId
from matcher.domain.match_limit import LimitKey, LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import Policy
from matcher.engine.network_book import DAY_US
from matcher.engine.plan import Plan, plan
from matcher.engine.snapshot import Snapshot
from matcher.explain.alternatives import Alternatives, ChainLink
from matcher.explain.detail import detail_summary, market_detail
from matcher.explain.loss import Loss, loss_words
from matcher.explain.settled_market import SettledMarket
from tests.scenarios import NOW_US, TENANT, demand, policy, return_item, rule
from tests.unit.explain.dense_town import LIMITED, WITHIN, terms_of, town

_DAY = NOW_US // DAY_US
_MATCHES = Objective.MAX_MATCHES_THEN_SAVING
_METRES = Objective.MAX_MATCHES_THEN_DISTANCE


def _key(terms: Policy, loss: Loss) -> tuple[int, ...]:
    """Return what of a loss the objective decides on, the most important first."""
    match terms.objective:
        case Objective.MAX_SAVING:
            return (loss.micros,)
        case Objective.MAX_MATCHES_THEN_SAVING:
            return loss.match_count, loss.micros
        case _:
            return loss.match_count, loss.added_m


class _Town:
    """A town that was planned, and is planned again with an item somewhere else."""

    def __init__(
        self,
        snapshot: Snapshot,
        terms: Policy,
        taken: Mapping[LimitKey, int] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.terms = terms
        self.taken = dict(taken or {})
        self.made = self._planned(snapshot, self.taken)
        self.settled = SettledMarket.of_plan(snapshot, terms, self.made, NOW_US)
        self.market = self.settled.market
        self.total = self._total(self.made)

    def _planned(self, snapshot: Snapshot, taken: Mapping[LimitKey, int]) -> Plan:
        return plan(snapshot, self.terms, now_us=NOW_US, tenant=TENANT, taken=taken)

    def _total(self, made: Plan) -> Loss:
        """Return savings, matches and metres of a plan."""
        market, column = made.solved.market, made.solved.assignment.column.tolist()
        edges = [market.edge(row, at) for row, at in enumerate(column) if at >= 0]
        saved = int(market.graph.saving[edges].sum())
        return Loss(saved, len(edges), int(market.distance_m[edges].sum()))

    def without(self, row: int) -> tuple[int, ...]:
        """Return what is lost without an item."""
        return self._lost(self._planned(self._others(row), self.taken), Loss(0))

    def on(self, row: int, column: int) -> tuple[int, ...] | None:
        """Return what is lost with an item on a demand; ``None`` if it cannot be."""
        places = self.settled.keys.places(row, column, _DAY)
        limits = {
            (each.scope, each.resolution): each for each in self.terms.match_limits
        }
        taken = Counter(self.taken)
        for key in places:
            limit = limits.get((key.scope, key.resolution))
            if limit and taken[key] >= limit.count_max:
                return None
            taken[key] += 1
        demand_id = self.market.demands[column].demand.demand_id
        demands = tuple(
            replace(each, quantity=each.quantity - (each.demand_id == demand_id))
            for each in self.snapshot.demands
            if each.demand_id != demand_id or each.quantity > 1
        )
        others = replace(self._others(row), demands=demands)
        edge = self.market.edge(row, column)
        own = Loss(
            int(self.market.graph.saving[edge]), 1, int(self.market.distance_m[edge])
        )
        return self._lost(self._planned(others, taken), own)

    def _others(self, row: int) -> Snapshot:
        return_id = self.market.items[row].item.return_id
        items = tuple(
            each for each in self.snapshot.return_items if each.return_id != return_id
        )
        return replace(self.snapshot, return_items=items)

    def _lost(self, made: Plan, own: Loss) -> tuple[int, ...]:
        found, before = self._total(made), self.total
        return _key(
            self.terms,
            Loss(
                before.micros - found.micros - own.micros,
                before.match_count - found.match_count - own.match_count,
                found.added_m + own.added_m - before.added_m,
            ),
        )

    def columns(self, row: int) -> list[int]:
        """Return the candidates of an item."""
        start, stop = self.market.graph.row_offsets[row : row + 2]
        return self.market.graph.columns[start:stop].tolist()

    def check_moves(self, links: Iterable[ChainLink], loss: Loss) -> dict[str, str]:
        """Make the moves: within units and limits, and losing what is said."""
        ids = [record.demand.demand_id for record in self.market.demands]
        rows = {each.item.return_id: at for at, each in enumerate(self.market.items)}
        now = {
            return_id: ids[column] if column >= 0 else ""
            for return_id, column in zip(
                rows, self.settled.assignment.column.tolist(), strict=True
            )
        }
        for link in links:
            assert now[link.return_id] == link.demand_id != link.to_demand_id
            now[link.return_id] = link.to_demand_id
        pairs = {
            (rows[return_id], ids.index(demand_id))
            for return_id, demand_id in now.items()
            if demand_id
        }
        used = Counter(column for _, column in pairs)
        places = Counter(
            key for pair in pairs for key in self.settled.keys.places(*pair, _DAY)
        )
        for each in self.terms.match_limits:
            for key, count in places.items():
                if (key.scope, key.resolution) == (each.scope, each.resolution):
                    assert count + self.taken.get(key, 0) <= each.count_max
        capacity = self.market.graph.capacity
        assert all(count <= capacity[column] for column, count in used.items())
        edges = [self.market.edge(*pair) for pair in pairs]
        assert loss == Loss(
            self.total.micros - int(self.market.graph.saving[edges].sum()),
            self.total.match_count - len(edges),
            int(self.market.distance_m[edges].sum()) - self.total.added_m,
        )
        return now


def _check_match(planned: _Town, row: int) -> int:
    found = Alternatives(planned.settled, row)
    item = planned.market.items[row].item
    own = int(planned.settled.assignment.column[row])
    ids = [record.demand.demand_id for record in planned.market.demands]
    alone = found.warehouse_loss()
    assert _key(planned.terms, alone) == planned.without(row)
    every = found.best(99)
    lost = {
        ids[column]: planned.on(row, column)
        for column in planned.columns(row)
        if column != own
    }
    assert {each.demand_id: _key(planned.terms, each.loss) for each in every} == {
        demand_id: each for demand_id, each in lost.items() if each is not None
    }
    keys = [_key(planned.terms, each.loss) for each in every]
    assert keys == sorted(keys)
    for each in every:
        first = ChainLink(item.return_id, ids[own], each.demand_id, 0, 0)
        planned.check_moves([first, *each.moves], each.loss)
    assert found.best(3) == every[:3]
    return len(every)


def _check_non_match(planned: _Town, row: int) -> bool:
    found = Alternatives(planned.settled, row).displacement()
    lost = [planned.on(row, column) for column in planned.columns(row)]
    places = [each for each in lost if each is not None]
    if found is None:
        assert not places
        return False
    assert _key(planned.terms, found.loss) == min(places)
    now = planned.check_moves(found.chain, found.loss)
    assert now[planned.market.items[row].item.return_id]
    return True


_PLAIN = {each.name: {"objective": each} for each in Objective if each}
_TERMS = WITHIN | _PLAIN


@pytest.mark.parametrize("name", _TERMS)
def test_each_loss_is_that_of_planning_again(name: str) -> None:
    """Of 16 items: on each candidate, on none, and what the moves make of it."""
    met: Counter[str] = Counter()
    for seed in (11, 12):
        planned = _Town(town(seed, returns=22, demands=20), terms_of(**_TERMS[name]))
        column = planned.settled.assignment.column
        for row in range(8):
            if column[row] >= 0:
                met["alternatives"] += _check_match(planned, row)
            else:
                met["displaced"] += _check_non_match(planned, row)
    assert met["alternatives"] > 10, met
    assert met["displaced"] >= (name == "a day"), met


@pytest.mark.slow
@pytest.mark.parametrize("name", _TERMS)
def test_each_loss_of_many_towns_is_that_of_planning_again(name: str) -> None:
    """Every item of 25 towns."""
    for seed in range(100, 125):
        planned = _Town(town(seed, returns=22, demands=20), terms_of(**_TERMS[name]))
        for row, column in enumerate(planned.settled.assignment.column.tolist()):
            if column >= 0:
                _check_match(planned, row)
            else:
                _check_non_match(planned, row)


def _zone_taken(planned: _Town, count: int) -> dict[LimitKey, int]:
    # As many places as that of every zone that the town has.
    return {
        key: count
        for column in range(len(planned.market.demands))
        for key in planned.settled.keys.places(0, column, _DAY)
        if key.scope is LimitScope.ZONE
    }


def test_where_no_place_is_left_nobody_can_make_room() -> None:
    """Zones that matches of before have filled: what is shut is told, and no chain."""
    snapshot, terms = town(3, returns=8, demands=12), terms_of(**LIMITED["zones"])
    first = _Town(snapshot, terms)
    shut = _zone_taken(first, 1)
    planned = _Town(snapshot, terms, shut)
    assert not (planned.settled.assignment.column >= 0).any()
    rows = [row for row in range(8) if planned.columns(row)]
    assert rows
    for row in rows:
        assert not _check_non_match(planned, row)
        return_id = planned.market.items[row].item.return_id
        detail = market_detail(planned.settled, return_id)
        assert detail.displacement is None
        around = {
            key
            for column in planned.columns(row)
            for key in planned.settled.keys.places(row, column, _DAY)
            if key.scope is LimitScope.ZONE
        }
        assert set(detail.exhausted) == around
        decision = next(d for d in planned.made.decisions if d.return_id == return_id)
        told = detail_summary(decision, detail)
        assert f"nothing was left of {detail.exhausted[0].text}" in told
    one = min(shut)
    partly = _Town(snapshot, terms, {one: 1})
    for row in range(8):
        if partly.settled.assignment.column[row] >= 0:
            _check_match(partly, row)
        elif partly.columns(row):
            _check_non_match(partly, row)


def test_a_day_around_zones_that_is_used_up_is_named() -> None:
    """Places are left of the zones, none of the day: that is told, and they are not."""
    limits = (MatchLimit(LimitScope.DAY, 3), MatchLimit(LimitScope.ZONE, 9, 7))
    day = LimitKey(LimitScope.DAY, 0, "", _DAY)
    planned = _Town(
        town(3, returns=8, demands=12), terms_of(match_limits=limits), {day: 3}
    )
    asked = [row for row in range(8) if planned.columns(row)]
    assert asked
    for row in asked:
        return_id = planned.market.items[row].item.return_id
        assert market_detail(planned.settled, return_id).exhausted == (day,)


def _one_place(objective: Objective) -> _Town:
    """
    Return three returns, two buyers, and a day of one match.

    Metres from home: r1 at 0, r2 at 10,000; d1 at 1,000, d2 at 12,000. A saving is
    6,000,000 less 10 a metre.
    """
    snapshot = Snapshot(
        (return_item("r1"), return_item("r2", 10_000)),
        (demand("d1", 1_000), demand("d2", 12_000)),
    )
    terms = policy(objective=objective, match_limits=(MatchLimit(LimitScope.DAY, 1),))
    return _Town(snapshot, terms)


@pytest.mark.parametrize("objective", [each for each in Objective if each])
def test_a_place_goes_from_one_buyer_to_another(objective: Objective) -> None:
    """The day's one place is r1's for d1; r2 with d2 goes a kilometre farther."""
    planned = _one_place(objective)
    settled = planned.settled
    detail = market_detail(settled, ReturnId("r2"))
    assert detail.displacement is not None
    lost = Loss(10_000, 0, 1_000)
    assert detail.displacement.loss == lost
    assert detail.displacement.chain == (
        ChainLink(ReturnId("r2"), DemandId(""), DemandId("d2"), 0, 5_980_000),
        ChainLink(ReturnId("r1"), DemandId("d1"), DemandId(""), 5_990_000, 0),
    )
    assert detail.exhausted == ()
    of_r2 = next(d for d in planned.made.decisions if d.return_id == "r2")
    told = detail_summary(of_r2, detail)
    assert "was d2: return r1 on d1 has no buyer then." in told
    assert f"come to {loss_words(lost, objective)}." in told
    matched = market_detail(settled, ReturnId("r1"))
    # r2 takes the place that it leaves.
    assert matched.warehouse_loss == lost
    (other,) = matched.alternatives
    assert (other.demand_id, other.loss) == ("d2", Loss(110_000, 0, 11_000))
    assert other.moves == ()


def test_a_match_fewer_may_save_more() -> None:
    """
    Metres from home: r1 and d1 at 0, r2 at -2,900 and d2 at 2,900.

    A saving is 6,000,000 less 1,900 a metre. Only r1 reaches d2, so it goes there, and
    r2 to d1, for 490,000 each; r1 with d1 would save more than both.
    """
    snapshot = Snapshot(
        (return_item("r1"), return_item("r2", -2_900)),
        (demand("d1"), demand("d2", 2_900)),
    )
    terms = policy(rule(radius_m=3_000), objective=_MATCHES)
    model = replace(terms.cost_model, label_per_km_micros=1_900_000)
    planned = _Town(snapshot, replace(terms, cost_model=model))
    detail = market_detail(planned.settled, ReturnId("r1"))
    (other,) = detail.alternatives
    assert other.demand_id == "d1"
    assert other.loss == Loss(-5_020_000, 1, -5_800)
    assert detail.warehouse_loss == Loss(490_000, 1, -2_900)
    told = loss_words(other.loss, _MATCHES)
    assert told == "1 match fewer and 5,020,000 micros more"


def test_losses_in_words() -> None:
    """What comes first first; metres where they count, matches where they differ."""
    assert loss_words(Loss(5), Objective.MAX_SAVING) == "5 micros less"
    assert loss_words(Loss(0, 0, 9), _MATCHES) == "0 micros less"
    assert loss_words(Loss(-5, 1, 9), _MATCHES) == "1 match fewer and 5 micros more"
    assert (
        loss_words(Loss(5, -2, 1_200), _METRES)
        == "2 matches more, 5 micros less and 1,200 m farther"
    )
    assert loss_words(Loss(5, 0, -9), _METRES) == "5 micros less and 9 m less far"
