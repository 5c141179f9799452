"""Where else an item could have gone, and who would have paid for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from matcher.domain.ids import DemandId, ReturnId
from matcher.domain.match_limit import LimitKey
from matcher.explain.loss import Loss
from matcher.explain.settled_market import SettledMarket
from matcher.solve.residual import FAR, Move, Residual

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
    loss
        What the whole round would have had less of with the item there: the best of
        all such plans, by the objective and within the limits, against the best of all.
    moves
        Other returns that would be somewhere else then: whoever makes room, in order;
        then whoever takes what became free.
    """

    demand_id: DemandId
    distance_m: int
    saving_micros: int
    loss: Loss
    moves: tuple[ChainLink, ...]


@dataclass(frozen=True, slots=True)
class Displacement:
    """
    What it would have taken to get an item a unit, or a place, that others have.

    Parameters
    ----------
    chain
        The item itself, whoever it takes the unit or the place under a match limit
        from, where that one goes, and so on: the cheapest way there is.
    loss
        What the chain loses in all: why it was not done. Nothing where only the tie
        rule stood against it.
    """

    chain: tuple[ChainLink, ...]
    loss: Loss


class Alternatives:
    """
    Answers of a solved market about one of its items.

    Each is a difference of two optima by the objective of the market, both within its
    match limits. Where several ways lose the same, the one that moves the fewest is
    told; of those, always the same one.

    Parameters
    ----------
    settled
        The market, with its optimum (without a gap).
    row
        The item.
    """

    def __init__(self, settled: SettledMarket, row: int) -> None:
        solved = settled.solved
        self._market = solved.market
        self._groups = solved.groups
        self._row = row
        self._own = int(solved.assignment.column[row])
        limits = self._groups.limits if self._groups else None
        residual = Residual(solved.weighed.graph, solved.assignment, limits)
        self._ways = residual.ways(row)
        start, stop = (int(at) for at in self._market.graph.row_offsets[row : row + 2])
        self._edges = slice(start, stop)
        self._columns = self._market.graph.columns[self._edges]

    def best(self, count: int = ALTERNATIVES_MAX) -> tuple[Alternative, ...]:
        """
        Return the other demands that a matched item could have had, best first.

        By what the round would lose of its objective, then by distance, then by id.
        Candidates that save nothing are never taken and are none; nor are those that a
        match limit left no place for.
        """
        ranked = sorted(
            (loss, distance_m, self._name(column), column)
            for loss, distance_m, column in zip(
                self._ways.losses.tolist(),
                self._market.distance_m[self._edges].tolist(),
                self._columns.tolist(),
                strict=True,
            )
            if column != self._own and loss != FAR
        )
        return tuple(self._alternative(column) for *_, column in ranked[:count])

    def warehouse_loss(self) -> Loss:
        """Return what the round would have had less of without a matched item."""
        return self._loss(self._ways.without().moves)

    def displacement(self) -> Displacement | None:
        """Return what stood against an unmatched item; ``None`` if nothing could go."""
        found = self._ways.on(self._columns.tolist())
        if found is None:
            return None
        return Displacement(self._links(found.moves), self._loss(found.moves))

    def exhausted(self) -> tuple[LimitKey, ...]:
        """Return the limits that left the round no place that the item could use."""
        if self._groups is None or not len(self._columns):
            return ()
        limits = self._groups.limits
        groups = np.append(
            limits.column_group[self._columns], limits.row_group[self._row]
        )
        found: set[LimitKey] = set()
        while len(groups := np.unique(groups[groups >= 0])):
            shut = groups[limits.limit[groups] == 0]
            found |= {self._groups.keys[each] for each in shut.tolist()}
            groups = limits.parent[groups]
        return tuple(sorted(found))

    def _alternative(self, column: int) -> Alternative:
        found = self._ways.on([column])
        assert found is not None, "a way that has a loss"
        edge = self._market.edge(self._row, column)
        return Alternative(
            self._name(column),
            int(self._market.distance_m[edge]),
            int(self._market.graph.saving[edge]),
            self._loss(found.moves),
            self._links(move for move in found.moves if move.row != self._row),
        )

    def _loss(self, moves: Iterable[Move]) -> Loss:
        micros, count, metres = 0, 0, 0
        for move in moves:
            for column, sign in ((move.column, 1), (move.to_column, -1)):
                if column >= 0:
                    edge = self._market.edge(move.row, column)
                    micros += sign * int(self._market.graph.saving[edge])
                    metres -= sign * int(self._market.distance_m[edge])
                    count += sign
        return Loss(micros, count, metres)

    def _links(self, moves: Iterable[Move]) -> tuple[ChainLink, ...]:
        return tuple(
            ChainLink(
                self._market.items[move.row].item.return_id,
                self._name(move.column),
                self._name(move.to_column),
                self._saving(move.row, move.column),
                self._saving(move.row, move.to_column),
            )
            for move in moves
        )

    def _name(self, column: int) -> DemandId:
        if column < 0:
            return DemandId("")
        return self._market.demands[column].demand.demand_id

    def _saving(self, row: int, column: int) -> int:
        if column < 0:
            return 0
        return int(self._market.graph.saving[self._market.edge(row, column)])
