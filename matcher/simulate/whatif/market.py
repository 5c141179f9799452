"""The market of one round of a variant: pairs, optimum, and what stood in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.match_limit import LimitKey
from matcher.domain.reason import ReasonCode
from matcher.engine.match_groups import MatchGroups
from matcher.engine.network import InboundChoice
from matcher.engine.network_book import DAY_US
from matcher.engine.obstacles import Obstacles
from matcher.engine.round_solve import solve_graph
from matcher.simulate.whatif.codes import bit
from matcher.simulate.whatif.match_places import MatchPlaces, Unmatched
from matcher.simulate.whatif.prices import FITS, NEEDS_BETTER, NO_RATE, NOT_SERVED
from matcher.simulate.whatif.terms import Terms
from matcher.solve import (
    CandidateGraph,
    check_certificate,
    dual_value,
)

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """
    What a round sees: terms, open units, the items' ordinary ways, the instant.

    ``open_count`` is by demand state; ``released`` names demands (by unit) that were
    released from an item. ``unmatched`` is known once the round is solved, if its
    policy has match limits.
    """

    terms: Terms
    now_us: int
    open_count: IntArray
    ship_by_us: IntArray
    unit: IntArray
    inbound: InboundChoice
    released: Mapping[int, frozenset[int]]
    unmatched: Unmatched | None = None

    @property
    def earliest_us(self) -> int:
        """A demand that ships no later than this ships too soon."""
        return self.now_us + self.terms.policy.handling_duration_us


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """
    The pairs of a round's optimum, by row, and what its certificate is about.

    ``places`` are what each pair counts for under match limits.
    """

    row: IntArray
    edge: IntArray
    saving_micros: IntArray
    candidate_count: int
    value: int
    dual: int
    places: tuple[tuple[LimitKey, ...], ...] = ()
    unmatched: Unmatched | None = None


def solve(
    scene: Scene, rows: IntArray, places: MatchPlaces, *, threads: int
) -> Matched:
    """
    Match some items as well as the policy's objective can be served, as a round does.

    Raises
    ------
    InvalidValueError
        If the objective cannot put matches first in 64 bits.
    CertificateError
        If the independent checker refuses the answer.
    """
    terms, prices = scene.terms, scene.terms.prices
    row, edge = terms.edges(rows)
    state = terms.pairs.state[edge]
    keep = (
        (prices.static[edge] == FITS)
        & (scene.open_count[state] > 0)
        & (scene.ship_by_us[state] > scene.earliest_us)
    )
    row, edge = row[keep], edge[keep]
    saving = scene.inbound.cost_micros[row] + prices.other_micros[edge]
    keep = (saving >= terms.min_saving[row]) & ~_released(scene, row, edge)
    row, edge, saving = row[keep], edge[keep], saving[keep]
    if not len(row):
        empty = np.empty(0, np.int64)
        return Matched(empty, empty, empty, 0, 0, 0)
    wanted, place = np.unique(row, return_inverse=True)
    states, column = np.unique(terms.pairs.state[edge], return_inverse=True)
    offsets = np.zeros(len(wanted) + 1, np.int64)
    np.cumsum(np.bincount(place), out=offsets[1:])
    graph = CandidateGraph(
        offsets,
        column.astype(np.int32),
        saving,
        scene.open_count[states].astype(np.int32),
    )
    day, policy = scene.now_us // DAY_US, terms.policy
    keys = places.keys(terms, scene.inbound, wanted, states)
    groups = MatchGroups.of(keys, graph, day, places.left)
    limits = groups.limits if groups else None
    weighed, found = solve_graph(
        graph,
        terms.pairs.distance_m[edge].astype(np.int64),
        policy.objective,
        groups,
        threads=threads,
    )
    check_certificate(weighed.graph, found, limits)
    taken = found.column[place] == column
    unmatched = None
    if groups is not None:
        obstacles = Obstacles(policy, graph, found.column, groups)
        unmatched = Unmatched(wanted, found.column < 0, obstacles)
    return Matched(
        row=row[taken],
        edge=edge[taken],
        saving_micros=saving[taken],
        candidate_count=len(row),
        value=found.value,
        dual=dual_value(weighed.graph, found, limits),
        places=tuple(
            keys.places(at, of, day)
            for at, of in zip(
                place[taken].tolist(), column[taken].tolist(), strict=True
            )
        ),
        unmatched=unmatched,
    )


#: Each test on a demand in the radius, in the order of the engine's own.
_CODES = (
    ReasonCode.DEMAND_OUTSIDE_SERVICE_AREA,
    ReasonCode.DEMAND_NEEDS_BETTER_CONDITION,
    ReasonCode.DEMAND_SHIPS_TOO_SOON,
    ReasonCode.DEMAND_RELEASED_BEFORE,
    ReasonCode.NO_LABEL_RATE,
    ReasonCode.SAVING_BELOW_THRESHOLD,
)


def found_bits(scene: Scene, rows: IntArray) -> IntArray:
    """Return why a round found no buyer for each of some items, as sets of reasons."""
    terms = scene.terms
    row, edge = terms.edges(rows)
    is_open = scene.open_count[terms.pairs.state[edge]] > 0
    row, edge = row[is_open], edge[is_open]
    place = np.searchsorted(rows, row)
    count = len(rows)
    in_radius = np.bincount(place, minlength=count)
    verdict = _verdicts(scene, row, edge)
    fits = np.bincount(place[verdict == len(_CODES)], minlength=count)
    bits = np.where(fits > 0, bit(ReasonCode.DEMAND_CAPACITY), 0)
    if scene.unmatched is not None:
        for at in np.nonzero(fits)[0].tolist():
            bits[at] = scene.unmatched.bits(int(rows[at]))
    for at, code in enumerate(_CODES):
        dropped = np.bincount(place[verdict == at], minlength=count)
        bits |= np.where((dropped > 0) & (fits == 0), bit(code), 0)
    known = _key_is_open(scene, rows)
    bits |= np.where(~known, bit(ReasonCode.NO_DEMAND), 0)
    bits |= np.where(known & (in_radius == 0), bit(ReasonCode.OUT_OF_RADIUS), 0)
    return bits


def _verdicts(scene: Scene, row: IntArray, edge: IntArray) -> IntArray:
    # The first test that each pair fails; the last number is: none.
    terms, prices = scene.terms, scene.terms.prices
    static = prices.static[edge]
    saving = scene.inbound.cost_micros[row] + prices.other_micros[edge]
    verdict = np.full(len(edge), len(_CODES), np.int64)
    verdict[saving < terms.min_saving[row]] = 5
    verdict[static == NO_RATE] = 4
    verdict[_released(scene, row, edge)] = 3
    verdict[scene.ship_by_us[terms.pairs.state[edge]] <= scene.earliest_us] = 2
    verdict[static == NEEDS_BETTER] = 1
    verdict[static == NOT_SERVED] = 0
    return verdict


def _key_is_open(scene: Scene, rows: IntArray) -> BoolArray:
    # Whether anybody anywhere has an open order for what each item is.
    terms, pairs = scene.terms, scene.terms.pairs
    is_open = scene.open_count > 0
    known = np.zeros(len(rows), np.bool_)
    for kind in range(len(pairs.keys)):
        item_key, state_key = pairs.item_key[kind], pairs.state_key[kind]
        size = max(item_key.max(initial=-1), state_key.max(initial=-1)) + 1
        keys = np.zeros(size, np.bool_)
        keys[state_key[is_open]] = True
        mine = terms.kind[rows] == kind
        known[mine] = keys[item_key[rows[mine]]]
    return known


def _released(scene: Scene, row: IntArray, edge: IntArray) -> BoolArray:
    # Few items were ever released: their pairs are looked for one by one.
    found = np.zeros(len(row), np.bool_)
    if scene.released and len(row):
        for at in np.nonzero(np.isin(row, list(scene.released)))[0].tolist():
            unit = int(scene.unit[scene.terms.pairs.state[edge[at]]])
            found[at] = unit in scene.released[int(row[at])]
    return found
