"""What would have had to be otherwise for an item to be matched, and by how little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from matcher.domain.demand import Demand
from matcher.domain.ids import DemandId, ReturnId
from matcher.domain.item import Condition
from matcher.domain.match_limit import LimitKey
from matcher.domain.objective import Objective
from matcher.domain.policy import RADIUS_M_MAX, CategoryRule, Policy
from matcher.domain.return_item import ReturnItem
from matcher.engine.market import PoolItem, collect
from matcher.engine.network import Network
from matcher.engine.open_demands import OpenDemands
from matcher.engine.plan import Plan, open_demands
from matcher.engine.snapshot import Snapshot
from matcher.explain.probe import Probe, Row
from matcher.explain.solving_probe import SolvingProbe
from matcher.geo import ServiceAreas

IntArray = NDArray[np.int64]

#: Items whose pairs are looked up together; bounds the memory.
_ITEMS_AT_ONCE = 64

#: A pair that saves nothing, or costs, is looked at too: how much is missing?
_ANY_SAVING = -(1 << 59)


class ChangeKind(IntEnum):
    """What would have to be otherwise."""

    UNSPECIFIED = 0
    RADIUS = 1
    SAVING = 2
    UNIT = 3
    CONDITION = 4
    PLACE = 5


@dataclass(frozen=True, slots=True)
class SmallestChange:
    """
    The least change of one thing, for this item alone, that gets it matched.

    Parameters
    ----------
    kind
        RADIUS: a wider radius. SAVING: each of its pairs saving more. UNIT: more units
        of one demand that it could have had. CONDITION: a better grade. PLACE: more
        places under one match limit that it or one of its buyers counts for.
    amount
        How much more: metres, micros, units, places; for CONDITION the grade that it
        takes.
    demand_id
        The demand that gets the units; for whoever operates it, and for nobody else.
    limit
        The day, SKU, zone or warehouse that gets the places; for the operator as well,
        for a zone is where a buyer is.
    """

    kind: ChangeKind
    amount: int
    demand_id: str = ""
    limit: LimitKey | None = None


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Every demand that an item could have, whatever it saves: one entry each."""

    column: NDArray[np.int32]
    distance_m: IntArray
    saving: IntArray

    def where(self, fits: NDArray[np.bool_]) -> Row:
        """Return those that fit, as a probe takes them."""
        return self.column[fits], self.saving[fits], self.distance_m[fits]


def smallest_changes(
    snapshot: Snapshot,
    policy: Policy,
    plan: Plan,
    return_ids: Iterable[ReturnId],
    *,
    now_us: int,
) -> Iterator[tuple[ReturnId, tuple[SmallestChange, ...]]]:
    """
    Find what would have got unmatched items matched.

    Parameters
    ----------
    snapshot, policy, plan, now_us
        What was planned, under what, with what result, and when; the plan has to be an
        optimum (without a gap).
    return_ids
        Items that passed gates 1 and 2 and got no buyer; others are left out, for their
        failed checks say it all.

    Yields
    ------
    tuple
        The id of an item, and a change of each kind that there is one of, in the order
        of :class:`ChangeKind`. Exact: the plan with the change matches the item, and
        with one unit less of it does not. All else stays as it was; the match may take
        a unit from another item.

    Notes
    -----
    Savings are doubled, and those of the item lowered by one: it is matched then only
    if it has to be, and raised by one: if it may be. Between the two, where only the
    tie rule decides, the whole plan is solved. An optimum that follows its market
    makes each question cheap (:class:`matcher.solve.LiveAssignment`). Under match
    limits, or another objective than the saving, each question solves the whole plan.
    """
    assert not plan.assignment.gap, "an optimum"
    network = Network(snapshot.warehouses, ServiceAreas.of(snapshot.service_areas))
    demands = open_demands(snapshot, network, now_us)
    rows = {return_id: row for row, return_id in enumerate(plan.return_ids)}
    by_id = {item.return_id: item for item in snapshot.return_items}
    asked = [
        each
        for each in return_ids
        if each in rows and plan.assignment.column[rows[each]] < 0
    ]
    ids = sorted(each.demand_id for each in snapshot.demands)
    probe = _probe(plan, policy, ids, snapshot.demands)
    finder = _Finder(probe, demands, network, policy, now_us)
    for start in range(0, len(asked), _ITEMS_AT_ONCE):
        some = asked[start : start + _ITEMS_AT_ONCE]
        items = [by_id[each] for each in some]
        pairs = finder.pairs(items)
        for item, its_pairs in zip(items, pairs, strict=True):
            row = rows[item.return_id]
            yield item.return_id, tuple(finder.changes(row, item, its_pairs))


class _Finder:
    # What the questions of one plan share.
    def __init__(
        self,
        probe: Probe | SolvingProbe,
        demands: OpenDemands,
        network: Network,
        policy: Policy,
        now_us: int,
    ) -> None:
        self._probe = probe
        self._demands = demands
        self._network = network
        self._policy = policy
        self._now_us = now_us

    def pairs(self, items: Sequence[ReturnItem]) -> list[_Pairs]:
        """Return every pair of each item, however far and whatever it saves."""
        pool = [PoolItem(item, _open(self._rule(item))) for item in items]
        market = collect(
            pool,
            self._demands,
            self._network,
            self._policy,
            remaining=self._network.daily_capacity,
            now_us=self._now_us,
        )
        graph = market.graph
        column = self._probe.columns([d.demand.demand_id for d in market.demands])
        return [
            _Pairs(
                column[graph.columns[start:stop]],
                market.distance_m[start:stop],
                graph.saving[start:stop],
            )
            for start, stop in zip(
                graph.row_offsets[:-1], graph.row_offsets[1:], strict=True
            )
        ]

    def changes(
        self, row: int, item: ReturnItem, pairs: _Pairs
    ) -> Iterator[SmallestChange]:
        """Yield the change of each kind."""
        rule = self._rule(item)
        radius_m = self._wider_radius(row, rule, pairs)
        if radius_m is not None:
            amount = radius_m - rule.radius_m
            yield SmallestChange(ChangeKind.RADIUS, amount)
        saving = self._more_saving(row, rule, pairs)
        if saving is not None:
            yield SmallestChange(ChangeKind.SAVING, saving)
        unit = self._more_units(row, rule, pairs)
        if unit is not None:
            yield unit
        grade = self._better_grade(row, item, rule)
        if grade is not None:
            yield SmallestChange(ChangeKind.CONDITION, grade)
        if isinstance(self._probe, SolvingProbe):
            places = self._probe.places(row)
            if places:
                amount, key = min(places)
                yield SmallestChange(ChangeKind.PLACE, amount, limit=key)

    def _wider_radius(self, row: int, rule: CategoryRule, pairs: _Pairs) -> int | None:
        enough = pairs.saving >= rule.min_saving_micros
        distances = np.unique(
            pairs.distance_m[enough & (pairs.distance_m > rule.radius_m)]
        )

        def with_radius(at: int) -> Row:
            return pairs.where(enough & (pairs.distance_m <= distances[at]))

        at = self._probe.first(row, len(distances), with_radius)
        return None if at is None else int(distances[at])

    def _more_saving(self, row: int, rule: CategoryRule, pairs: _Pairs) -> int | None:
        near = pairs.distance_m <= rule.radius_m
        column, saving, distance_m = pairs.where(near)
        if not len(column):
            return None

        def with_more(at: int) -> Row:
            more = saving + at + 1
            enough = more >= rule.min_saving_micros
            return column[enough], more[enough], distance_m[enough]

        # No unit is dearer than the best saving that there is; a micro more wins it.
        most = self._probe.price_max + 1 - int(saving.min())
        at = self._probe.first(row, max(most, rule.min_saving_micros), with_more)
        return None if at is None else at + 1

    def _more_units(
        self, row: int, rule: CategoryRule, pairs: _Pairs
    ) -> SmallestChange | None:
        fits = (pairs.distance_m <= rule.radius_m) & (
            pairs.saving >= rule.min_saving_micros
        )
        found = [
            (units, int(pairs.distance_m[at]), int(pairs.column[at]))
            for at in np.nonzero(fits)[0]
            if (units := self._probe.units(row, int(pairs.column[at]))) is not None
        ]
        if not found:
            return None
        # The nearest of those that need as few.
        units, _, column = min(found)
        return SmallestChange(ChangeKind.UNIT, units, self._probe.demand_ids[column])

    def _better_grade(
        self, row: int, item: ReturnItem, rule: CategoryRule
    ) -> int | None:
        grades = [each for each in Condition if each > item.condition]
        ways: list[Row] = []
        for grade in grades:
            (pairs,) = self.pairs([replace(item, condition=grade)])
            fits = (pairs.distance_m <= rule.radius_m) & (
                pairs.saving >= rule.min_saving_micros
            )
            ways.append(pairs.where(fits))
        at = self._probe.first(row, len(grades), lambda at: ways[at])
        return None if at is None else int(grades[at])

    def _rule(self, item: ReturnItem) -> CategoryRule:
        rule = self._policy.rule_for(item.category)
        assert rule is not None, "an item that passed has a rule"
        return rule


def _probe(
    plan: Plan, policy: Policy, ids: Sequence[str], demands: Sequence[Demand]
) -> Probe | SolvingProbe:
    if policy.objective is Objective.MAX_SAVING and not policy.match_limits:
        return Probe(plan, ids)
    place_of = {each.demand_id: each.location for each in demands}
    keys = plan.keys.with_places([place_of[DemandId(each)] for each in ids])
    return SolvingProbe(plan, policy, ids, keys)


def _open(rule: CategoryRule) -> CategoryRule:
    return replace(rule, radius_m=RADIUS_M_MAX, min_saving_micros=_ANY_SAVING)
