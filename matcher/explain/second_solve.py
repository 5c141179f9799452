"""A settled market decided on again, with one thing of it otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import UnavailableError
from matcher.domain.match_limit import LimitKey, MatchLimit
from matcher.engine.match_groups import MatchGroups, PairKeys
from matcher.engine.round_solve import solve_graph
from matcher.explain.probe import Row, spliced
from matcher.explain.settled_market import SettledMarket
from matcher.solve import CandidateGraph, Stop

IntArray = NDArray[np.int64]


class SecondSolve:
    """
    Says what deciding again would.

    Of several optima one is chosen, and which one that is under match limits depends on
    all that is solved together: where an item is in some of them, nothing else tells.

    Parameters
    ----------
    settled
        The market; its rows are those of this one.
    units
        Of each demand that is a column, by id: those of the market, and such as an
        item might have besides.
    stop
        Ends a question when it is requested: ``UnavailableError``, for what a solve
        had found by then is no answer.

    Attributes
    ----------
    demand_ids
        Its columns, by id as deciding numbers them.
    """

    def __init__(
        self, settled: SettledMarket, units: Mapping[str, int], stop: Stop
    ) -> None:
        self._settled = settled
        self._stop = stop
        self._units = units
        self.demand_ids = tuple(sorted(units))

    def is_chosen(
        self,
        row: int,
        way: Row,
        *,
        units: tuple[int, int] | None = None,
        places: tuple[LimitKey, int] | None = None,
    ) -> bool:
        """
        Say whether the answer matches a row.

        Parameters
        ----------
        row
            The row.
        way
            Its candidates.
        units, places
            A column with so many units more; a limit with so many places more.
        """
        capacity = self._graph.capacity
        if units is not None:
            capacity = capacity.copy()
            capacity[units[0]] += units[1]
        graph, distance_m = self._with(row, way, capacity)
        # As deciding does: columns that are nobody's candidate are not there.
        used = np.unique(graph.columns)
        graph = CandidateGraph(
            graph.row_offsets,
            np.searchsorted(used, graph.columns).astype(np.int32),
            graph.saving,
            graph.capacity[used],
        )
        key_of_more, more = places or (None, 0)

        def left(key: LimitKey, limit: MatchLimit) -> int:
            return self._settled.left(key, limit) + more * (key == key_of_more)

        groups = MatchGroups.of(
            self._keys.with_columns(used.tolist()), graph, self._settled.day, left
        )
        objective = self._settled.policy.objective
        _, found = solve_graph(graph, distance_m, objective, groups, stop=self._stop)
        if self._stop.is_requested:
            raise UnavailableError("explaining was stopped")
        return bool(found.column[row] >= 0)

    @cached_property
    def _graph(self) -> CandidateGraph:
        market = self._settled.market
        at = {each: column for column, each in enumerate(self.demand_ids)}
        column = np.array(
            [at[str(record.demand.demand_id)] for record in market.demands], np.int32
        )
        return CandidateGraph(
            market.graph.row_offsets,
            column[market.graph.columns],
            market.graph.saving,
            np.array([self._units[each] for each in self.demand_ids], np.int32),
        )

    @cached_property
    def _keys(self) -> PairKeys:
        return self._settled.keys_of(self.demand_ids)

    def _with(
        self, row: int, way: Row, capacity: NDArray[np.int32]
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
            capacity,
        )
        metres = self._settled.market.distance_m
        return changed, spliced(metres, distance_m[order], start, stop)
