"""A settled market with what its units and places are worth to whoever has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import InvalidProblemError
from matcher.domain.match_limit import LimitKey
from matcher.explain.probe import Row
from matcher.explain.settled_market import SettledMarket
from matcher.solve import Limits, assign_within, part, second_of
from matcher.solve.limits import NONE
from matcher.solve.marginal import FAR, Growth, Marginal

IntArray = NDArray[np.int64]


class PricedMarket:
    """
    What others would lose by an item's match, of any item that has none.

    Parameters
    ----------
    settled
        The market.

    Notes
    -----
    Where matches come first, weights are those of :func:`matcher.solve.part`, so that a
    change that no round was made for compares as it should. Prices of those take one
    solve.
    """

    def __init__(self, settled: SettledMarket) -> None:
        self._settled = settled
        solved = settled.solved
        graph, objective = solved.market.graph, settled.policy.objective
        self._objective = objective
        limits = solved.groups.limits if solved.groups else Limits.none(graph)
        self._parted = part(graph, objective, solved.market.distance_m)
        answer = solved.assignment
        if self._parted.bonus:
            answer = assign_within(self._parted.graph, limits)
            # Prices of one optimum prove each.
            answer = replace(answer, column=solved.assignment.column)
        self._marginal = Marginal(self._parted.graph, answer, limits)
        self._groups = self._numbered(limits)
        rules = settled.policy.match_limits
        self._limits = {(each.scope, each.resolution): each for each in rules}

    @classmethod
    def of(cls, settled: SettledMarket) -> PricedMarket | None:
        """Return a market; ``None`` where 64 bits do not hold what it would compare."""
        try:
            return cls(settled)
        except InvalidProblemError:
            return None

    def charges(self, row: int, demand_ids: Sequence[str]) -> IntArray:
        """
        Return what others would lose if a row had a unit of each of some demands.

        By the weights of the market. ``FAR`` where it cannot have one, for a limit lets
        nothing through.
        """
        nodes = self._marginal.nodes
        entry = self._entry(row)
        if entry == NONE:
            return np.full(len(demand_ids), FAR, np.int64)
        charge = np.append(self._marginal.charges(row, entry), FAR)
        market = self._settled.market
        known = {
            str(record.demand.demand_id): nodes.row_count + column
            for column, record in enumerate(market.demands)
        }
        node = np.array([known.get(each, NONE) for each in demand_ids], np.int64)
        # Those that nobody had as a candidate have units to spare: only places count.
        new = np.nonzero(node == NONE)[0].tolist()
        keys = self._settled.keys_of([demand_ids[at] for at in new])
        for number, at in enumerate(new):
            chain = keys.around_column(number, self._settled.day)
            node[at] = self._node(chain)
        return charge[node]

    def gain(self, way: Row, charge: IntArray) -> int:
        """
        Say what a row would add with some candidates: above 0, 0 or below.

        Above 0 it is matched, below it is not, and at 0 the tie rule decides.

        Parameters
        ----------
        way
            The candidates.
        charge
            What others would lose by each, as :meth:`charges` says.
        """
        _, saving, distance_m = way
        can = (saving > 0) & (charge != FAR)
        if not can.any():
            return NONE
        count, rest = self._parted.parted(charge[can])
        second = second_of(self._objective, saving[can], distance_m[can])
        if not self._parted.bonus:
            return int((second - rest).max())
        if (count < 1).any():
            return 1
        equal = count == 1
        if not equal.any():
            return NONE
        return int((second[equal] - self._parted.least - rest[equal]).max())

    def with_units(self, row: int, demand_id: str) -> Growth:
        """Return the market with more and more units of a candidate of a row."""
        (column,) = (
            column
            for column, record in enumerate(self._settled.market.demands)
            if record.demand.demand_id == demand_id
        )
        return self._marginal.of_column(row, column)

    def with_places(self, row: int, key: LimitKey) -> Growth:
        """Return the market with more and more places of a limit of a row."""
        return self._marginal.of_group(row, self._groups[key])

    def _numbered(self, limits: Limits) -> dict[LimitKey, int]:
        # Groups that anything is in; others are as good as not there.
        groups = self._settled.solved.groups
        if groups is None:
            return {}
        of = np.concatenate((limits.row_group, limits.column_group))
        members = limits.total(np.bincount(of[of != NONE], minlength=limits.count))
        return {key: at for at, key in enumerate(groups.keys) if members[at]}

    def _entry(self, row: int) -> int:
        offsets = self._marginal.graph.row_offsets
        if offsets[row] < offsets[row + 1]:
            return int(self._marginal.nodes.above_row[row])
        return self._node(self._settled.keys.around_row(row, self._settled.day))

    def _node(self, chain: Sequence[LimitKey]) -> int:
        # The first group that is there; before it any lets through what it has left.
        nodes = self._marginal.nodes
        for key in chain:
            group = self._groups.get(key)
            if group is not None:
                return int(nodes.groups[group])
            limit = self._limits[key.scope, key.resolution]
            if self._settled.left(key, limit) <= 0:
                return NONE
        return nodes.count - 1
