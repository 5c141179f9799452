"""The questions of a probe under match limits and objectives, read off prices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from matcher.domain.match_limit import LimitKey
from matcher.explain.least_more import Scarce, least_more
from matcher.explain.priced_market import PricedMarket
from matcher.explain.probe import UNITS_MAX, Row, halved
from matcher.explain.second_solve import SecondSolve
from matcher.explain.settled_market import Pairs, SettledMarket
from matcher.solve import Stop


class PricedProbe:
    """
    A settled market with one item that has other pairs.

    Parameters
    ----------
    settled
        The market.
    priced
        What it is worth; ``None`` if that takes more than 64 bits: then each question
        is decided on again.
    row
        The item, which has no buyer: each question is about it.
    pairs
        Its own, and such as it might have; their demands are columns of the probe.
    stop
        Ends a question when it is requested.

    Attributes
    ----------
    demand_ids
        Its columns.
    price_max
        No unit is dearer, with the places that go with it.

    Notes
    -----
    An item is matched where it adds more than others lose by it, and is not where it
    adds less. Only where it adds just as much the market is solved again, for which of
    several optima is chosen is a matter of the whole solve.
    """

    def __init__(
        self,
        settled: SettledMarket,
        priced: PricedMarket | None,
        row: int,
        pairs: Iterable[Pairs],
        stop: Stop | None = None,
    ) -> None:
        self._settled = settled
        self._priced = priced
        self._row = row
        self._stop = stop or Stop()
        market = settled.market
        units = {
            demand_id: count
            for each in pairs
            for demand_id, count in zip(
                each.demand_ids, each.units.tolist(), strict=True
            )
        }
        ids = [str(record.demand.demand_id) for record in market.demands]
        units.update(zip(ids, market.graph.capacity.tolist(), strict=True))
        self._again = SecondSolve(settled, units, self._stop)
        self.demand_ids = self._again.demand_ids
        self._column = {each: column for column, each in enumerate(self.demand_ids)}
        # What a match may have to outbid: a unit, and a place of each limit.
        limits = settled.policy.match_limits
        self._limits = {(each.scope, each.resolution): each for each in limits}
        top = int(market.graph.saving.max(initial=0))
        self.price_max = top * (1 + len(limits))
        if priced is not None:
            self._charge = priced.charges(row, self.demand_ids)
        waits = (settled.assignment.column < 0) & (
            np.diff(market.graph.row_offsets) > 0
        )
        self._waiting_count = int(np.count_nonzero(waits))

    def row(self, of_market: int) -> int:
        """Return where a row of the market stands: at the same place."""
        return of_market

    def columns(self, demand_ids: Iterable[str]) -> NDArray[np.int32]:
        """Return the column of each demand."""
        return np.array([self._column[each] for each in demand_ids], np.int32)

    def first(self, row: int, count: int, way: Callable[[int], Row]) -> int | None:
        """Return a way in which the row is matched, and with the one before is not."""
        assert row == self._row, "the row of the probe"
        return halved(count, lambda at: self._is_matched(way(at)))

    def units(self, row: int, columns: Sequence[int]) -> list[tuple[int, int]]:
        """Return how many units more of some demands get the row matched."""
        assert row == self._row, "the row of the probe"
        way = self._way()
        things = [self._units_of(way, column) for column in columns]
        found = least_more(things, self._stop)
        return [(amount, columns[at]) for amount, at in found]

    def places(self, row: int) -> list[tuple[int, LimitKey]]:
        """
        Return how many places more under one limit get a row matched, if any do.

        Of each limit that the row or one of its candidates counts for, by itself; all
        that may need the fewest.
        """
        assert row == self._row, "the row of the probe"
        way = self._way()
        keys = self._counted(way)
        found = least_more([self._places_of(way, key) for key in keys], self._stop)
        return [(amount, keys[at]) for amount, at in found]

    def _is_matched(self, way: Row) -> bool:
        gain = 0
        if self._priced is not None:
            gain = self._priced.gain(way, self._charge[way[0]])
        return gain > 0 or (gain == 0 and self._again.is_chosen(self._row, way))

    def _units_of(self, way: Row, column: int) -> Scarce:
        row, priced, demand_id = self._row, self._priced, self.demand_ids[column]
        return Scarce(
            0,
            UNITS_MAX,
            lambda more: self._again.is_chosen(row, way, units=(column, more)),
            partial(priced.with_units, row, demand_id) if priced else None,
        )

    def _places_of(self, way: Row, key: LimitKey) -> Scarce:
        row, priced = self._row, self._priced
        left = self._settled.left(key, self._limits[key.scope, key.resolution])
        return Scarce(
            max(0, -left),
            self._waiting_count,
            lambda more: self._again.is_chosen(row, way, places=(key, more)),
            partial(priced.with_places, row, key) if priced else None,
        )

    def _counted(self, way: Row) -> list[LimitKey]:
        settled = self._settled
        keys = settled.keys_of([self.demand_ids[at] for at in way[0].tolist()])
        counted = {
            key
            for column in range(len(way[0]))
            for key in keys.places(self._row, column, settled.day)
            if (key.scope, key.resolution) in self._limits
        }
        return sorted(counted)

    def _way(self) -> Row:
        market = self._settled.market
        start, stop = market.graph.row_offsets[self._row : self._row + 2]
        ids = (
            str(market.demands[column].demand.demand_id)
            for column in market.graph.columns[start:stop].tolist()
        )
        return (
            self.columns(ids),
            market.graph.saving[start:stop],
            market.distance_m[start:stop],
        )
