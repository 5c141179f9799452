"""Long random sequences of events: after each the optimum, to the last bit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numba
import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from matcher.domain.errors import InvalidProblemError
from matcher.solve import (
    CandidateGraph,
    LiveAssignment,
    assign,
    check_certificate,
)
from tests.oracle.assignment_families import FAMILIES, Family
from tests.oracle.small_markets import as_bytes

# Without the compiler a row costs a hundred times as much.
SLOWER = 10 if numba.config.DISABLE_JIT else 1

IntArray = NDArray[np.int64]


@dataclass
class Market:
    """The same market as a table, to be solved from scratch."""

    live: LiveAssignment
    saving: dict[tuple[int, int], int] = field(default_factory=dict)
    capacity: dict[int, int] = field(default_factory=dict)
    returns: list[int] = field(default_factory=list)

    @property
    def demands(self) -> list[int]:
        """Slots of the demands."""
        return list(self.capacity)

    def graph(self) -> CandidateGraph:
        """Return rows and columns in the order in which they came."""
        column = {slot: at for at, slot in enumerate(self.demands)}
        rows = [
            sorted((column[j], s) for (i, j), s in self.saving.items() if i == row)
            for row in self.returns
        ]
        flat = [pair for row in rows for pair in row]
        return CandidateGraph(
            np.append(0, np.cumsum([len(row) for row in rows], dtype=np.int64)),
            np.array([j for j, _ in flat], np.int32),
            np.array([s for _, s in flat], np.int64),
            np.array(list(self.capacity.values()), np.int32),
        )

    def check(self) -> None:
        """Compare the held optimum with one from scratch."""
        graph = self.graph()
        expected = assign(graph)
        assert self.live.value == expected.value
        found_graph, found = self.live.answer(self.returns, self.demands)
        assert np.array_equal(found_graph.columns, graph.columns)
        assert np.array_equal(found_graph.saving, graph.saving)
        check_certificate(graph, found)
        assert as_bytes(found) == as_bytes(expected)
        counts = (len(self.returns), len(self.capacity), len(self.saving))
        live = self.live
        assert counts == (live.return_count, live.demand_count, live.candidate_count)


def some(rng: Generator, of: list[int]) -> list[int]:
    """Return a few of them, in any order."""
    count = min(len(of), int(rng.integers(0, 6)))
    return [int(each) for each in rng.permutation(np.array(of, np.int64))[:count]]


def insert_return(market: Market, rng: Generator, top: int) -> None:
    """Add a return with up to five candidates."""
    to = some(rng, market.demands)
    saving = rng.integers(1, top, len(to))
    offsets = np.array([0, len(to)])
    (slot,) = market.live.insert_returns(offsets, np.array(to, np.int32), saving)
    market.returns.append(int(slot))
    market.saving |= {(int(slot), j): int(s) for j, s in zip(to, saving, strict=True)}


def remove_return(market: Market, rng: Generator, top: int) -> None:
    """Remove a return, wherever it is."""
    del top
    if market.returns:
        slot = market.returns.pop(int(rng.integers(len(market.returns))))
        market.live.remove_returns([slot])
        market.saving = {k: s for k, s in market.saving.items() if k[0] != slot}


def insert_demand(market: Market, rng: Generator, top: int) -> None:
    """Add a demand of up to three units with up to five candidates."""
    to = some(rng, market.returns)
    saving = rng.integers(1, top, len(to))
    units = rng.integers(0, 4, 1).astype(np.int32)
    offsets = np.array([0, len(to)])
    (slot,) = market.live.insert_demands(units, offsets, np.array(to, np.int32), saving)
    market.capacity[int(slot)] = int(units[0])
    market.saving |= {(i, int(slot)): int(s) for i, s in zip(to, saving, strict=True)}


def remove_demand(market: Market, rng: Generator, top: int) -> None:
    """Remove a demand, taken or not."""
    del top
    if market.capacity:
        slot = market.demands[int(rng.integers(len(market.capacity)))]
        market.live.remove_demands([slot])
        del market.capacity[slot]
        market.saving = {k: s for k, s in market.saving.items() if k[1] != slot}


def resize_demand(market: Market, rng: Generator, top: int) -> None:
    """Give a demand more or fewer units."""
    del top
    if market.capacity:
        slot = market.demands[int(rng.integers(len(market.capacity)))]
        market.capacity[slot] = int(rng.integers(0, 4))
        units = np.array([market.capacity[slot]], np.int32)
        market.live.resize_demands([slot], units)


# More come than go, so that the market grows.
EVENTS = (insert_return,) * 5 + (insert_demand,) * 3 + (resize_demand,) * 2
EVENTS += (remove_return,) * 3 + (remove_demand,) * 2


@pytest.mark.parametrize("top", [3, 1_000_000], ids=["ties", "few ties"])
@pytest.mark.parametrize("seed", range(3))
def test_after_every_event(top: int, seed: int) -> None:
    """300 events from nothing; value, certificate and answer after each."""
    rng = np.random.default_rng(seed)
    market = Market(LiveAssignment())
    for _ in range(300 // SLOWER):
        EVENTS[int(rng.integers(len(EVENTS)))](market, rng, top)
        market.check()


@pytest.mark.parametrize("seed", range(2))
def test_a_long_sequence(seed: int) -> None:
    """5,000 events, compared after every hundredth."""
    rng = np.random.default_rng(100 + seed)
    market = Market(LiveAssignment())
    for number in range(5_000 // SLOWER):
        EVENTS[int(rng.integers(len(EVENTS)))](market, rng, 50)
        if number % 100 == 0:
            market.check()
    market.check()


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_taking_apart_and_putting_together(family: Family) -> None:
    """Every family, loaded, half of it taken out at random, and put back."""
    graph = family(np.random.default_rng(11), 300 // SLOWER)
    rng = np.random.default_rng(12)
    live = LiveAssignment(graph, assign(graph))
    n, m = graph.row_count, graph.column_count
    gone = rng.permutation(n)[: n // 2]
    live.remove_returns(gone)
    rest = np.setdiff1d(np.arange(n), gone)
    found_graph, found = live.answer(rest, np.arange(m))
    assert as_bytes(found) == as_bytes(assign(found_graph))
    counts = np.diff(graph.row_offsets)[gone]
    at = np.concatenate([np.arange(*graph.row_offsets[i : i + 2]) for i in gone])
    slots = live.insert_returns(
        np.append(0, np.cumsum(counts)), graph.columns[at], graph.saving[at]
    )
    order = np.empty(n, np.int64)
    order[rest], order[gone] = rest, slots
    _, found = live.answer(order, np.arange(m))
    assert as_bytes(found) == as_bytes(assign(graph))
    assert live.value == found.value


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("share", [0.0, 0.02, 1.0])
def test_a_start_changes_nothing(family: Family, share: float) -> None:
    """From the answer's prices, from some a little off, from nonsense: the same."""
    rng = np.random.default_rng(13)
    graph = family(rng, 400 // SLOWER)
    expected = assign(graph)
    price = expected.demand_price.copy()
    demands = rng.random(len(price)) < share
    price[demands] = rng.integers(0, 2 * price.max(initial=1), int(demands.sum()))
    for threads in (1, 2):
        answer = assign(graph, threads=threads, start_price=price)
        check_certificate(graph, answer)
        assert as_bytes(answer) == as_bytes(expected)


def test_what_does_not_fit_changes_nothing() -> None:
    """Errors name the field and what is accepted, and leave the market as it was."""
    live = LiveAssignment()
    one = np.ones(1, np.int32)
    (demand,) = live.insert_demands(
        one, np.zeros(2, np.int64), one[:0], np.zeros(0, int)
    )
    (item,) = live.insert_returns(np.array([0, 1]), np.array([demand]), np.array([5]))
    for call, message in (
        (lambda: live.remove_returns([7]), r"returns\[0\]: got 7; accepted: the slot"),
        (lambda: live.remove_returns([item, item]), "returns: got a slot twice"),
        (lambda: live.remove_returns([-1]), r"returns\[0\]: got -1"),
        (lambda: live.remove_demands([1.5]), "demands: got 1 dimensions of float64"),
        (
            lambda: live.insert_returns(np.array([0, 1]), np.array([9]), one),
            r"demands\[0\]: got 9",
        ),
        (
            lambda: live.insert_returns(np.array([0, 1]), np.array([0]), [1 << 62]),
            r"saving\[0\]: got",
        ),
        (
            lambda: live.insert_demands(
                np.array([-1]), np.array([0, 0]), one[:0], one[:0]
            ),
            r"capacity\[0\]: got -1",
        ),
        (lambda: live.resize_demands([demand], np.array([1, 2])), "capacity: got 2"),
        (lambda: live.answer([], [demand]), "returns: got 0 slots; accepted: all 1"),
    ):
        with pytest.raises(InvalidProblemError, match=message):
            call()
    assert (live.return_count, live.demand_count, live.candidate_count) == (1, 1, 1)
    assert live.value == 5
    assert live.demand_of([item]).tolist() == [demand]
    graph = CandidateGraph([0, 1], [0], [5], [1])
    with pytest.raises(InvalidProblemError, match=r"start_price: got shape \(2,\)"):
        assign(graph, start_price=np.zeros(2, np.int64))
    with pytest.raises(InvalidProblemError, match=r"start_price\[0\]: got -3"):
        assign(graph, start_price=np.array([-3]))
