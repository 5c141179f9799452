"""Where else an item could have gone, and who would have paid for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from matcher.domain.ids import DemandId, ReturnId
from matcher.explain.neighbourhood import Neighbourhood, Neighbourhoods
from matcher.explain.rearrangement import Move, Rearranging
from matcher.explain.settled_market import SettledMarket

#: Alternatives that are told, the best of them.
ALTERNATIVES_MAX = 10


@dataclass(frozen=True, slots=True)
class ChainLink:
    """
    One return that moves from one demand to another; an empty id is no buyer.

    Ids are for whoever operates it, and for nobody else.
    """

    return_id: ReturnId
    demand_id: DemandId
    to_demand_id: DemandId
    saving_micros: int
    to_saving_micros: int


@dataclass(frozen=True, slots=True)
class Alternative:
    """
    Another demand that a matched item could have had.

    Parameters
    ----------
    demand_id
        The demand; for whoever operates it, and for nobody else.
    distance_m, saving_micros
        Of the pair.
    loss_micros
        What the whole round would have saved less with the item there: the best of all
        such plans against the best of all.
    moves
        Other returns that would be somewhere else then: whoever makes room, in order;
        then whoever takes what became free.
    """

    demand_id: DemandId
    distance_m: int
    saving_micros: int
    loss_micros: int
    moves: tuple[ChainLink, ...]


@dataclass(frozen=True, slots=True)
class Displacement:
    """
    What it would have taken to get an item a unit that others have.

    Parameters
    ----------
    chain
        The item itself, whoever it takes the unit from, where that one goes, and so
        on: the cheapest way there is. The last goes without a buyer, or to a unit
        that was left.
    loss_micros
        What the chain loses in all: why it was not done. 0 where only the tie rule
        stood against it.
    """

    chain: tuple[ChainLink, ...]
    loss_micros: int


class Alternatives:
    """
    Answers of a solved market about one of its items.

    Parameters
    ----------
    settled
        The market, with its optimum (without a gap).
    row
        The item.
    """

    def __init__(self, settled: SettledMarket, row: int) -> None:
        assert not settled.assignment.gap, "an optimum"
        self._settled = settled
        self._row = row
        self._around = Neighbourhoods(settled).around(row, ())
        around, at = self._around, self._around.row(row)
        self._at = at
        self._moving = Rearranging(around.graph, around.assignment, at)

    def best(self, count: int = ALTERNATIVES_MAX) -> tuple[Alternative, ...]:
        """
        Return the other demands that a matched item could have had, best first.

        By what the round would lose, then by distance, then by id; candidates that
        save nothing are never taken and are none.
        """
        found: list[Alternative] = []
        for least, edge in self._by_least_loss():
            # Nothing that comes later can lose less than this.
            if len(found) >= count and found[count - 1].loss_micros < least:
                break
            found.append(self._alternative(edge))
            found.sort(key=_rank)
        return tuple(found[:count])

    def warehouse_loss_micros(self) -> int:
        """Return what the round would have saved less without a matched item."""
        return self._moving.without().loss

    def displacement(self) -> Displacement | None:
        """Return what stood against an unmatched item; ``None`` without candidates."""
        graph = self._around.graph
        start, stop = graph.row_offsets[self._at : self._at + 2]
        columns = graph.columns[start:stop][graph.saving[start:stop] > 0]
        if not len(columns):
            return None
        found = self._moving.on(columns)
        return Displacement(self._links(found.moves), found.loss)

    def _by_least_loss(self) -> Iterator[tuple[int, int]]:
        # Candidates with a bound that prices give: a pair loses what its two prices
        # have above its saving, and more if others have to move.
        graph, assignment = self._around.graph, self._around.assignment
        start, stop = graph.row_offsets[self._at : self._at + 2]
        own = int(assignment.column[self._at])
        bounds = [
            (
                int(
                    assignment.return_price[self._at]
                    + assignment.demand_price[graph.columns[edge]]
                    - graph.saving[edge]
                ),
                edge,
            )
            for edge in range(int(start), int(stop))
            if graph.columns[edge] != own and graph.saving[edge] > 0
        ]
        yield from sorted(bounds)

    def _alternative(self, edge: int) -> Alternative:
        column = int(self._around.graph.columns[edge])
        found = self._moving.on(np.array([column], np.int32))
        others = [move for move in found.moves if move.row != self._at]
        demand_id = DemandId(self._around.demand_ids[column])
        return Alternative(
            demand_id,
            _distance_m(self._settled, self._row, demand_id),
            int(self._around.graph.saving[edge]),
            found.loss,
            self._links(others),
        )

    def _links(self, moves: tuple[Move, ...] | list[Move]) -> tuple[ChainLink, ...]:
        return tuple(_link(self._settled, self._around, move) for move in moves)


def _rank(alternative: Alternative) -> tuple[int, int, str]:
    return alternative.loss_micros, alternative.distance_m, alternative.demand_id


def _link(settled: SettledMarket, around: Neighbourhood, move: Move) -> ChainLink:
    def name(column: int) -> DemandId:
        return DemandId(around.demand_ids[column] if column >= 0 else "")

    row = int(around.rows[move.row])
    return ChainLink(
        settled.market.items[row].item.return_id,
        name(move.column),
        name(move.to_column),
        move.saving,
        move.to_saving,
    )


def _distance_m(settled: SettledMarket, row: int, demand_id: DemandId) -> int:
    ids = [record.demand.demand_id for record in settled.market.demands]
    return int(
        settled.market.distance_m[settled.market.edge(row, ids.index(demand_id))]
    )
