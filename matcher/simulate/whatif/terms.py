"""What one policy makes of the pairs of a timeline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.policy import CategoryRule, Policy
from matcher.engine.network import Network
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.gate_table import GateTable
from matcher.simulate.whatif.pairs import Pairs
from matcher.simulate.whatif.prices import Prices

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """
    One policy over one network.

    Parameters
    ----------
    policy, network, gates, pairs, prices
        What it is made of; all but the policy are shared with other variants.
    kind
        ``int8 (n,)``: by which of the match keys each item finds buyers, -1 for none.
    start, stop
        ``int64 (n,)``: its pairs, those beyond the policy's radius among them.
    radius_m, min_saving
        ``int64 (n,)``: metres, and micros that a pair has to save.
    """

    policy: Policy
    network: Network
    gates: GateTable
    pairs: Pairs
    prices: Prices
    kind: NDArray[np.int8]
    start: IntArray
    stop: IntArray
    radius_m: IntArray
    min_saving: IntArray

    def edges(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Return the pairs of some items within the radius: item and position."""
        start, stop = self.start[rows], self.stop[rows]
        row, edge = ranges(rows, start, stop)
        near = np.nonzero(self.pairs.distance_m[edge] <= self.radius_m[row])[0]
        return row[near], edge[near]


def terms_of(
    facts: Facts,
    pairs: Pairs,
    prices: Prices,
    gates: GateTable,
    policy: Policy,
    network: Network,
) -> Terms:
    """Return the terms of a policy over a network."""
    rules = [policy.rule_for(item.category) for item in facts.items.items]
    count = len(rules)
    kind = np.array(
        [-1 if rule is None else pairs.keys.index(rule.match_key) for rule in rules],
        np.int8,
    )
    start, stop = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for at in range(len(pairs.keys)):
        mine = kind == at
        start[mine], stop[mine] = pairs.start[at, mine], pairs.stop[at, mine]
    return Terms(
        policy=policy,
        network=network,
        gates=gates,
        pairs=pairs,
        prices=prices,
        kind=kind,
        start=start,
        stop=stop,
        radius_m=_of_rules(rules, "radius_m", 0),
        min_saving=_of_rules(rules, "min_saving_micros", 1),
    )


def ranges(
    names: IntArray, start: IntArray, stop: IntArray
) -> tuple[IntArray, IntArray]:
    """Return all numbers of some ranges, each with the name of its range."""
    count = stop - start
    first = np.repeat(start - np.cumsum(count) + count, count)
    return np.repeat(names, count), first + np.arange(len(first))


def _of_rules(rules: list[CategoryRule | None], name: str, default: int) -> IntArray:
    return np.array(
        [default if rule is None else getattr(rule, name) for rule in rules], np.int64
    )
