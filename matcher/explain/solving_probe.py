"""The questions of a probe where only solving again answers them exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import UnavailableError
from matcher.domain.match_limit import LimitKey, MatchLimit
from matcher.engine.match_groups import MatchGroups
from matcher.engine.network_book import DAY_US
from matcher.engine.round_solve import solve_graph
from matcher.explain.probe import UNITS_MAX, Row, doubled, halved, spliced
from matcher.explain.settled_market import Pairs, SettledMarket
from matcher.solve import CandidateGraph, Stop

IntArray = NDArray[np.int64]


class SolvingProbe:
    """
    A settled market with one item in another place, solved anew each time.

    What it answers is what deciding again would: for match limits that bind, which of
    several optima is chosen depends on all that is solved together, and weights of an
    objective that puts matches first depend on all candidates.

    Parameters
    ----------
    settled
        The market; its rows are those of the probe.
    pairs
        Such as an item might have; its demands are columns of the probe, by id as
        those of the market.
    stop
        Ends a question when it is requested: ``UnavailableError``, for what a solve
        had found by then is no answer.

    Attributes
    ----------
    demand_ids
        Its columns.
    price_max
        No unit is dearer, with the places that go with it.
    """

    def __init__(
        self,
        settled: SettledMarket,
        pairs: Iterable[Pairs],
        stop: Stop | None = None,
    ) -> None:
        self._settled = settled
        self._stop = stop or Stop()
        self._day = settled.now_us // DAY_US
        limits = settled.policy.match_limits
        self._limits = {(each.scope, each.resolution): each for each in limits}
        market, graph = settled.market, settled.market.graph
        units = {
            demand_id: count
            for each in pairs
            for demand_id, count in zip(
                each.demand_ids, each.units.tolist(), strict=True
            )
        }
        ids = [str(record.demand.demand_id) for record in market.demands]
        units.update(zip(ids, graph.capacity.tolist(), strict=True))
        self.demand_ids = tuple(sorted(units))
        self._column = {each: column for column, each in enumerate(self.demand_ids)}
        self._keys = settled.keys.with_places(
            [settled.location(each) for each in self.demand_ids]
        )
        self._graph = CandidateGraph(
            graph.row_offsets,
            self.columns(ids)[graph.columns],
            graph.saving,
            np.array([units[each] for each in self.demand_ids], np.int32),
        )
        # What a match may have to outbid: a unit, and a place of each limit.
        self.price_max = int(graph.saving.max(initial=0)) * (1 + len(self._limits))
        waits = (settled.assignment.column < 0) & (np.diff(graph.row_offsets) > 0)
        self._waiting_count = int(np.count_nonzero(waits))
        chosen = settled.assignment.column[settled.assignment.column >= 0]
        taken = np.zeros(len(self.demand_ids), np.int64)
        np.add.at(taken, self.columns(ids)[chosen], 1)
        self._is_full = taken >= self._graph.capacity

    def row(self, of_market: int) -> int:
        """Return where a row of the market stands: at the same place."""
        return of_market

    def columns(self, demand_ids: Iterable[str]) -> NDArray[np.int32]:
        """Return the column of each demand."""
        return np.array([self._column[each] for each in demand_ids], np.int32)

    def first(self, row: int, count: int, way: Callable[[int], Row]) -> int | None:
        """Return a way in which a row is matched, and with the one before is not."""
        return halved(count, lambda at: self._is_chosen(row, way(at)))

    def units(self, row: int, column: int) -> int | None:
        """Return how many units more of one demand get a row matched, if any do."""
        way = self._row(row)

        def with_units(at: int) -> bool:
            capacity = self._graph.capacity.copy()
            capacity[column] += at + 1
            return self._is_chosen(row, way, capacity=capacity)

        # Where units are left, one more can only settle a tie, and so no number can
        # do more than one does.
        count = UNITS_MAX if self._is_full[column] else 1
        found = doubled(count, with_units)
        return None if found is None else found + 1

    def places(self, row: int) -> list[tuple[int, LimitKey]]:
        """
        Return how many places more under one limit get a row matched, if any do.

        Of each limit that the row or one of its candidates counts for, by itself.
        """
        way = self._row(row)
        found: list[tuple[int, LimitKey]] = []
        for key in self._counted(row, way[0]):
            over = max(0, -self._left(key, self._limits[key.scope, key.resolution]))
            at = halved(
                self._waiting_count + over, partial(self._is_placed, row, way, key)
            )
            if at is not None:
                found.append((at + 1, key))
        return found

    def _is_placed(self, row: int, way: Row, key: LimitKey, at: int) -> bool:
        return self._is_chosen(row, way, more={key: at + 1})

    def _counted(self, row: int, columns: NDArray[np.int32]) -> list[LimitKey]:
        counted = {
            key
            for column in columns.tolist()
            for key in self._keys.places(row, column, self._day)
            if (key.scope, key.resolution) in self._limits
        }
        return sorted(counted)

    def _left(self, key: LimitKey, limit: MatchLimit) -> int:
        return limit.count_max - self._settled.taken.get(key, 0)

    def _is_chosen(
        self,
        row: int,
        way: Row,
        *,
        capacity: NDArray[np.int32] | None = None,
        more: dict[LimitKey, int] | None = None,
    ) -> bool:
        graph, distance_m = self._with(row, way, capacity)
        # As deciding does: columns that are nobody's candidate are not there.
        used = np.unique(graph.columns)
        graph = CandidateGraph(
            graph.row_offsets,
            np.searchsorted(used, graph.columns).astype(np.int32),
            graph.saving,
            graph.capacity[used],
        )
        extra = more or {}
        groups = MatchGroups.of(
            self._keys.with_columns(used.tolist()),
            graph,
            self._day,
            lambda key, limit: self._left(key, limit) + extra.get(key, 0),
        )
        objective = self._settled.policy.objective
        _, found = solve_graph(graph, distance_m, objective, groups, stop=self._stop)
        if self._stop.is_requested:
            raise UnavailableError("explaining was stopped")
        return bool(found.column[row] >= 0)

    def _with(
        self, row: int, way: Row, capacity: NDArray[np.int32] | None
    ) -> tuple[CandidateGraph, IntArray]:
        graph = self._graph
        start, stop = (int(at) for at in graph.row_offsets[row : row + 2])
        column, saving, distance_m = way
        order = np.argsort(column, kind="stable")
        offsets = graph.row_offsets.copy()
        offsets[row + 1 :] += len(column) - (stop - start)
        changed = CandidateGraph(
            offsets,
            spliced(graph.columns, column[order], start, stop),
            spliced(graph.saving, saving[order], start, stop),
            graph.capacity if capacity is None else capacity,
        )
        metres = self._settled.market.distance_m
        return changed, spliced(metres, distance_m[order], start, stop)

    def _row(self, row: int) -> Row:
        start, stop = self._graph.row_offsets[row : row + 2]
        return (
            self._graph.columns[start:stop],
            self._graph.saving[start:stop],
            self._settled.market.distance_m[start:stop],
        )
