"""One round's market: pool items against open demands, judged and priced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from matcher.domain.ids import DemandId
from matcher.domain.policy import CategoryRule, Policy
from matcher.domain.return_item import ReturnItem
from matcher.engine.market_demands import MarketDemands
from matcher.engine.network import InboundChoice, Network, Places
from matcher.engine.records import DemandRecord
from matcher.policy.label import LabelRates
from matcher.solve import CandidateGraph

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: Pool items whose neighbours are judged at once; bounds the memory of a round.
_ROWS_AT_ONCE = 8192


class Verdict(IntEnum):
    """What became of a demand in the radius, in the order of the tests."""

    OUTSIDE_SERVICE_AREA = 0
    NEEDS_BETTER_CONDITION = 1
    SHIPS_TOO_SOON = 2
    RELEASED_BEFORE = 3
    NO_LABEL_RATE = 4
    SAVING_BELOW_THRESHOLD = 5
    CANDIDATE = 6


@dataclass(frozen=True, slots=True)
class PoolItem:
    """A return item that passed gates 1 and 2, and the pairs not to make again."""

    item: ReturnItem
    rule: CategoryRule
    released_demand_ids: tuple[DemandId, ...] = ()


@dataclass(frozen=True, slots=True)
class Market:
    """
    All that solving and stating a round needs; nothing in it is shared or changes.

    ``n`` pool items are the rows in canonical order, the ``m`` demands of any
    candidate are the columns by id, and the ``e`` candidates stand by row, then
    column. ``verdict_count`` is ``int64 (n, 7)``: demands in the radius by
    :class:`Verdict`. ``key_count`` counts demands of the match key anywhere;
    ``nearest_m`` is the nearest of them where none is in the radius, else ``-1``.
    ``best_micros`` is the best saving below the threshold (meaningless if none).
    """

    items: tuple[PoolItem, ...]
    demands: Sequence[DemandRecord]
    demand_ids: Sequence[str]
    graph: CandidateGraph
    distance_m: IntArray
    label_micros: IntArray
    fallback_micros: IntArray
    verdict_count: IntArray
    key_count: IntArray
    nearest_m: IntArray
    best_micros: IntArray
    fallback: InboundChoice
    open_demand_count: int

    def edge(self, row: int, column: int) -> int:
        """Return the position of a candidate; the pair must be one."""
        start, stop = self.graph.row_offsets[row : row + 2]
        at = int(start + np.searchsorted(self.graph.columns[start:stop], column))
        assert at < stop, (row, column)
        assert self.graph.columns[at] == column, (row, column)
        return at

    def has_candidates(self, row: int) -> bool:
        """Return whether an item could have any of the demands."""
        start, stop = self.graph.row_offsets[row : row + 2]
        return bool(stop > start)


@dataclass(slots=True)
class _Edges:
    """Pairs that are still in, by row of the pool and row of the open demands."""

    row: IntArray
    demand: IntArray
    distance_m: IntArray

    def keep(self, mask: BoolArray) -> None:
        self.row = self.row[mask]
        self.demand = self.demand[mask]
        self.distance_m = self.distance_m[mask]


@dataclass(frozen=True, slots=True)
class _Pool:
    """The pool as arrays."""

    key: IntArray
    lat: NDArray[np.float64]
    lng: NDArray[np.float64]
    radius_m: IntArray
    condition: IntArray
    weight_grams: IntArray
    min_saving: IntArray

    @classmethod
    def of(cls, items: Sequence[PoolItem], demands: MarketDemands) -> _Pool:
        def ints(values: list[int]) -> IntArray:
            return np.array(values, np.int64)

        return cls(
            key=ints([demands.key_of(e.item, e.rule) for e in items]),
            lat=np.array([e.item.location.lat for e in items], np.float64),
            lng=np.array([e.item.location.lng for e in items], np.float64),
            radius_m=ints([e.rule.radius_m for e in items]),
            condition=ints([int(e.item.condition) for e in items]),
            weight_grams=ints([e.item.weight_grams for e in items]),
            min_saving=ints([e.rule.min_saving_micros for e in items]),
        )


def collect(
    items: Sequence[PoolItem],
    demands: MarketDemands,
    network: Network,
    policy: Policy,
    *,
    remaining: IntArray,
    now_us: int,
    threads: int = 1,
) -> Market:
    """
    Find, judge and price every pair of a pool item and an open demand.

    Parameters
    ----------
    items
        The pool in canonical order (older first, then id).
    demands
        The open demands; read, not kept.
    network
        Prices the ordinary way.
    policy
        Prices the label and sets the handling time.
    remaining
        Units that each warehouse still takes today, ``int64 (W,)``.
    now_us
        Instant of the round, microseconds since the epoch.
    threads
        How many look for pairs; without influence on the market.

    Returns
    -------
    Market
        Independent of the order in which demands came to be known.

    Raises
    ------
    LimitExceededError
        If there are more pairs in the radius than one round may hold.
    """
    collector = _Collector(items, demands, network, policy, remaining, now_us)
    return collector.market(threads)


class _Collector:
    # The arrays that the parts of one collection share.
    def __init__(
        self,
        items: Sequence[PoolItem],
        demands: MarketDemands,
        network: Network,
        policy: Policy,
        remaining: IntArray,
        now_us: int,
    ) -> None:
        self._items = tuple(items)
        self._demands = demands
        self._cost_model = policy.cost_model
        self._rates = LabelRates.of(policy.cost_model)
        self._earliest_us = now_us + policy.handling_duration_us
        self._pool = _Pool.of(items, demands)
        self._fallback = network.cheapest_inbound(
            Places(
                self._pool.lat, self._pool.lng, [e.item.category for e in self._items]
            ),
            remaining,
            policy.cost_model.standard_return_micros,
        )
        count = len(self._items)
        self._verdicts = np.zeros((count, len(Verdict)), np.int64)
        self._key_count = np.zeros(count, np.int64)
        self._nearest_m = np.full(count, -1, np.int64)
        self._best = np.full(count, np.iinfo(np.int64).min, np.int64)

    def market(self, threads: int) -> Market:
        count = len(self._items)
        parts = [
            self._judge(start, min(count, start + _ROWS_AT_ONCE), threads)
            for start in range(0, count, _ROWS_AT_ONCE)
        ]
        row, demand, distance, label, fallback, saving = (
            np.concatenate(arrays) if parts else np.empty(0, np.int64)
            for arrays in (zip(*parts, strict=True) if parts else [()] * 6)
        )
        found = self._demands.by_id(np.unique(demand))
        column = _positions(found.rows, demand)
        order = np.lexsort((column, row))
        return Market(
            items=self._items,
            demands=found.records,
            demand_ids=found.ids,
            graph=CandidateGraph(
                _offsets(row, count),
                column[order].astype(np.int32),
                saving[order],
                self._demands.open_count[found.rows],
            ),
            distance_m=distance[order],
            label_micros=label[order],
            fallback_micros=fallback[order],
            verdict_count=self._verdicts,
            key_count=self._key_count,
            nearest_m=self._nearest_m,
            best_micros=self._best,
            fallback=self._fallback,
            open_demand_count=len(self._demands),
        )

    def _judge(self, start: int, stop: int, threads: int) -> tuple[IntArray, ...]:
        edges = self._neighbours(start, stop, threads)
        demands, pool = self._demands, self._pool
        self._test(edges, demands.served[edges.demand], Verdict.OUTSIDE_SERVICE_AREA)
        self._test(
            edges,
            pool.condition[edges.row] >= demands.min_condition[edges.demand],
            Verdict.NEEDS_BETTER_CONDITION,
        )
        self._test(
            edges,
            demands.ship_by_us[edges.demand] > self._earliest_us,
            Verdict.SHIPS_TOO_SOON,
        )
        self._test(edges, ~self._released(edges), Verdict.RELEASED_BEFORE)
        label, has_rate = self._rates.price(
            edges.distance_m, pool.weight_grams[edges.row]
        )
        self._test(edges, has_rate, Verdict.NO_LABEL_RATE)
        return self._price(edges, label[has_rate])

    def _neighbours(self, start: int, stop: int, threads: int) -> _Edges:
        pool, at = self._pool, slice(start, stop)
        found, rows = self._demands.within(
            *(pool.key[at], pool.lat[at], pool.lng[at], pool.radius_m[at]),
            threads=threads,
        )
        self._key_count[at] = found.key_count
        found_count = np.diff(found.row_offsets)
        far = start + np.nonzero((found_count == 0) & (found.key_count > 0))[0]
        self._nearest_m[far] = self._demands.nearest_m(
            pool.key[far], pool.lat[far], pool.lng[far]
        )
        row = np.repeat(np.arange(start, stop, dtype=np.int64), found_count)
        return _Edges(row, rows.astype(np.int64), found.distance_m.astype(np.int64))

    def _price(self, edges: _Edges, label: IntArray) -> tuple[IntArray, ...]:
        model = self._cost_model
        outbound = self._demands.outbound_micros(
            edges.demand, model.standard_shipping_micros
        )
        fallback = self._fallback.cost_micros[edges.row] + outbound
        priority = self._demands.priority[edges.demand].astype(np.int64)
        saving = fallback + priority * model.priority_step_micros - label
        enough = saving >= self._pool.min_saving[edges.row]
        np.maximum.at(self._best, edges.row[~enough], saving[~enough])
        label, fallback, saving = label[enough], fallback[enough], saving[enough]
        self._test(edges, enough, Verdict.SAVING_BELOW_THRESHOLD)
        self._count(edges.row, Verdict.CANDIDATE)
        return edges.row, edges.demand, edges.distance_m, label, fallback, saving

    def _released(self, edges: _Edges) -> BoolArray:
        # Few items were ever released: their pairs are looked for one by one.
        found = np.zeros(len(edges.row), np.bool_)
        if not len(edges.row):
            return found
        first, last = int(edges.row[0]), int(edges.row[-1])
        for row in range(first, last + 1):
            for demand_id in self._items[row].released_demand_ids:
                start, stop = np.searchsorted(edges.row, [row, row + 1])
                at = self._demands.row(demand_id)
                found[start:stop] |= edges.demand[start:stop] == at
        return found

    def _test(self, edges: _Edges, passed: BoolArray, verdict: Verdict) -> None:
        if not passed.all():
            self._count(edges.row[~passed], verdict)
            edges.keep(passed)

    def _count(self, rows: IntArray, verdict: Verdict) -> None:
        self._verdicts[:, verdict] += np.bincount(rows, minlength=len(self._items))


def _positions(values: IntArray, of: IntArray) -> IntArray:
    # Where each of ``of`` stands in ``values``, which hold it once.
    at = np.zeros(values.max(initial=-1) + 1, np.int64)
    at[values] = np.arange(len(values))
    return at[of]


def _offsets(row: IntArray, count: int) -> IntArray:
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=count), out=offsets[1:])
    return offsets
