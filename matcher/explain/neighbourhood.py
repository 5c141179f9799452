"""The part of a solved market that one item has to do with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matcher.explain.settled_market import Pairs, SettledMarket
from matcher.solve import Assignment, CandidateGraph, dual_value
from matcher.solve.components import components

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """
    Rows and columns of a market, solved as the market was.

    Parameters
    ----------
    rows
        Rows of the market, rising.
    demand_ids
        Its columns by id, then those that were no column of the market.
    graph, assignment
        The problem and its answer, which is that of the market: what does not hang
        together does not share an answer.
    distance_m
        Metres of each candidate, ``int64 (E,)``.
    """

    rows: IntArray
    demand_ids: tuple[str, ...]
    graph: CandidateGraph
    assignment: Assignment
    distance_m: IntArray

    def row(self, of_market: int) -> int:
        """Return where a row of the market stands."""
        return int(np.searchsorted(self.rows, of_market))

    def columns(self, demand_ids: Iterable[str]) -> NDArray[np.int32]:
        """Return the columns of demands, each of which is one."""
        at = {each: column for column, each in enumerate(self.demand_ids)}
        return np.array([at[each] for each in demand_ids], np.int32)


class Neighbourhoods:
    """
    Cuts a market into what hangs together.

    Parameters
    ----------
    settled
        The market.
    """

    def __init__(self, settled: SettledMarket) -> None:
        market = self._market = settled.market
        graph = self._graph = market.graph
        self._assignment = settled.assignment
        self._ids = [str(record.demand.demand_id) for record in market.demands]
        self._column_of = {each: column for column, each in enumerate(self._ids)}
        rows = graph.row_count
        self._part = components(
            rows + graph.column_count,
            (graph.edge_rows, rows + graph.columns.astype(np.int64)),
        )

    def around(self, row: int, pairs: Iterable[Pairs]) -> Neighbourhood:
        """
        Return what could matter to a row if it had any of some pairs.

        Parameters
        ----------
        row
            A row of the market.
        pairs
            Its own, and such as it might have; its demands are columns of the answer.
        """
        units = {
            demand_id: int(count)
            for each in pairs
            for demand_id, count in zip(
                each.demand_ids, each.units.tolist(), strict=True
            )
        }
        row_count = self._graph.row_count
        known = [self._column_of[each] for each in units if each in self._column_of]
        labels = self._part[[row, *(row_count + column for column in known)]]
        inside = np.isin(self._part, labels)
        rows = np.nonzero(inside[:row_count])[0]
        columns = np.nonzero(inside[row_count:])[0]
        return self._cut(rows, columns, units)

    def _cut(
        self, rows: IntArray, columns: IntArray, units: dict[str, int]
    ) -> Neighbourhood:
        graph, assignment = self._graph, self._assignment
        # Nobody but the item could have those that are no column yet: where they stand
        # decides nothing.
        new = sorted(each for each in units if each not in self._column_of)
        number = np.full(graph.column_count + 1, -1, np.int32)
        number[columns] = np.arange(len(columns), dtype=np.int32)
        new_units = np.array([units[each] for each in new], np.int32)
        counts = np.diff(graph.row_offsets)[rows]
        ends = np.cumsum(counts)
        keep = np.arange(ends[-1] if len(ends) else 0)
        keep += np.repeat(graph.row_offsets[rows] - (ends - counts), counts)
        cut = CandidateGraph(
            np.append(0, ends),
            number[graph.columns[keep]],
            graph.saving[keep],
            np.concatenate((graph.capacity[columns], new_units)),
        )
        price = assignment.demand_price[columns]
        held = Assignment(
            number[assignment.column[rows]],
            assignment.return_price[rows],
            np.concatenate((price, np.zeros(len(new), np.int64))),
            0,
        )
        held = replace(held, value=dual_value(cut, held))
        ids = [self._ids[column] for column in columns.tolist()]
        return Neighbourhood(
            rows, (*ids, *new), cut, held, self._market.distance_m[keep]
        )
