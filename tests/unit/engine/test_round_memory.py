"""Rounds that look only at what changed end like rounds that look at everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import patch

import pytest

from matcher.domain.errors import LimitExceededError
from matcher.domain.ids import DemandId, MatchId, ReturnId
from matcher.domain.item import Condition
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.engine import rounds
from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    ConfirmMatch,
    DeleteWarehouse,
    RecordVerification,
    ReleaseMatch,
    UpsertWarehouse,
)
from matcher.engine.records import RoundRecord
from matcher.engine.round_memory import RoundMemory
from matcher.engine.round_task import solve_round
from matcher.solve import Stop
from tests.scenarios import (
    HOUR_US,
    NOW_US,
    MemoryStore,
    RunningShard,
    demand,
    policy,
    return_item,
    rule,
    verification,
    warehouse,
)

# Of "shirt": r1 has d1 within its 50 km and d2 without, r2 has neither; d1 wants a
# better condition than r1's. Of "coat": r3 waits, and nobody wants one.
ITEMS = (
    return_item("r1"),
    return_item("r2", 200_000),
    return_item("r3", sku="coat"),
)
DEMANDS = (
    demand("d1", 10_000, min_condition=Condition.NEW, ship_by_us=NOW_US + 9 * HOUR_US),
    demand("d2", 100_000),
    *(demand(f"other-{n}", sku="other") for n in range(4)),
)
ALL = {"r1", "r2", "r3"}


# Two caps wait beside two buyers; a limit lets one of them go.
CAPS = (return_item("cap1", sku="cap"), return_item("cap2", sku="cap"))
CAP_DEMANDS = (demand("cap1", sku="cap"), demand("cap2", sku="cap"))


def _shard(*limits: MatchLimit) -> RunningShard:
    shard = RunningShard()
    shard.activate(policy(handling_duration_us=HOUR_US, match_limits=limits))
    shard.apply(UpsertWarehouse(warehouse("w1", 0, daily_capacity=2)))
    shard.upsert(*DEMANDS)
    shard.submit(*ITEMS)
    if limits:
        shard.upsert(*CAP_DEMANDS)
        shard.submit(*CAPS)
        # One round more: what the first one held is nothing new any longer.
        shard.round()
    shard.round()
    return shard


@dataclass
class Ended:
    """A round, and whom it looked at."""

    record: RoundRecord
    looked_at: set[str]
    store: MemoryStore


def _round(shard: RunningShard) -> Ended:
    task = shard.shard.begin_round(shard.now_us)
    shard.commit()
    record = shard.shard.finish_round(solve_round(task), shard.now_us)
    shard.commit()
    looked_at = {each.item.return_id for each in task.records}
    return Ended(record, looked_at, shard.store)


def _both(
    happens: Callable[[RunningShard], object], *limits: MatchLimit
) -> tuple[Ended, Ended]:
    """Return the next round of a shard that remembers and of one that does not."""
    ended = []
    for forgets in (False, True):
        shard = _shard(*limits)
        happens(shard)
        if forgets:
            shard.shard._rounds._memory = RoundMemory()
        ended.append(_round(shard))
    return ended[0], ended[1]


def _later(shard: RunningShard, us: int) -> None:
    shard.tick(NOW_US + us)


def _verify(shard: RunningShard, return_id: str) -> None:
    evidence = verification(evidence_id="evidence-2")
    shard.apply(RecordVerification(ReturnId(return_id), evidence))


def _verify_during_a_round(shard: RunningShard) -> None:
    shard.submit(return_item("r4", 200_000))
    shard.round(lambda: _verify(shard, "r4"))


def _let_evidence_run_out(shard: RunningShard) -> None:
    # r4 waits, then goes to the warehouse by the gates: nobody looks for a demand.
    evidence = verification(expire_us=NOW_US + 2 * HOUR_US)
    shard.submit(return_item("r4", 200_000, verification=evidence))
    shard.round()
    _later(shard, 3 * HOUR_US)


def _match_and_release(shard: RunningShard) -> None:
    # r4 gets d4 before r1 does; given back, it suits r1.
    shard.submit(return_item("r4", 30_000))
    shard.upsert(demand("d4", 30_000))
    shard.round()
    shard.apply(ReleaseMatch(shard.item("r4").match_id, ""))
    shard.apply(CancelReturn(ReturnId("r4")))


def _lose_a_match(shard: RunningShard) -> None:
    # r4 is cancelled while the round that gives it d4 is being solved.
    shard.submit(return_item("r4", 30_000))
    shard.upsert(demand("d4", 30_000))
    shard.round(lambda: shard.apply(CancelReturn(ReturnId("r4"))))


def _stop_a_round(shard: RunningShard) -> None:
    # r4 should leave d4 to r5 and take d5, but the solver is stopped before it begins.
    shard.submit(return_item("r4", sku="hat"), return_item("r5", 80_000, sku="hat"))
    shard.upsert(demand("d4", 40_000, sku="hat"), demand("d5", -20_000, sku="hat"))
    stop = Stop()
    stop.request()
    task = shard.shard.begin_round(shard.now_us)
    solved = solve_round(task, stop=stop)
    assert solved.solved.assignment.gap
    shard.shard.finish_round(solved, shard.now_us)
    shard.commit()


def _never_finish(shard: RunningShard) -> None:
    shard.upsert(demand("d4", 20_000))
    shard.shard.begin_round(shard.now_us)
    shard.commit()


def _finish_the_wrong_one(shard: RunningShard) -> None:
    # What came between the two is known to the second alone.
    first = shard.shard.begin_round(shard.now_us)
    shard.upsert(demand("d4", 20_000))
    shard.shard.begin_round(shard.now_us)
    shard.shard.finish_round(solve_round(first), shard.now_us)
    shard.commit()


def _fill_the_warehouse(shard: RunningShard) -> None:
    # Two items go to w1, which is full then: the ordinary way costs more by w2.
    shard.apply(UpsertWarehouse(warehouse("w2", 900_000)))
    shard.round()
    shard.submit(*(return_item(f"full-{n}", customer_consents=False) for n in (1, 2)))


def _ask_too_much(shard: RunningShard) -> None:
    shard.upsert(demand("d4", 20_000))
    error = LimitExceededError("pairs", 2, 1)
    with (
        patch.object(rounds, "collect", side_effect=error),
        pytest.raises(LimitExceededError),
    ):
        shard.shard.begin_round(shard.now_us)


def _nothing(_: RunningShard) -> None:
    """Let nothing happen."""


# What happens, and whom the next round has to look at.
CASES: dict[str, tuple[Callable[[RunningShard], object], set[str]]] = {
    "nothing": (_nothing, set()),
    "another item": (lambda s: s.submit(return_item("r4", 200_000)), {"r4"}),
    "demand near": (lambda s: s.upsert(demand("d4", 20_000)), {"r1"}),
    "demand far from all": (lambda s: s.upsert(demand("d4", 900_000)), set()),
    "demand of another SKU": (lambda s: s.upsert(demand("d4", sku="hat")), set()),
    "first demand of a SKU": (
        lambda s: s.upsert(demand("d4", 900_000, sku="coat")),
        {"r3"},
    ),
    "no consent": (
        lambda s: s.upsert(demand("d4", 20_000, accepts_returned_item=False)),
        set(),
    ),
    "demand near cancelled": (lambda s: s.apply(CancelDemand(DemandId("d1"))), {"r1"}),
    "demand far cancelled": (lambda s: s.apply(CancelDemand(DemandId("d2"))), set()),
    "last demands of a SKU cancelled": (
        lambda s: [s.apply(CancelDemand(DemandId(each))) for each in ("d1", "d2")],
        {"r1", "r2"},
    ),
    "demand takes another condition": (
        lambda s: s.upsert(demand("d1", 10_000)),
        {"r1"},
    ),
    "demand moved away": (
        lambda s: s.upsert(demand("d1", 900_000, min_condition=Condition.NEW)),
        {"r1"},
    ),
    "demand moved near": (lambda s: s.upsert(demand("d2", 190_000)), {"r2"}),
    "demand ships too soon": (lambda s: _later(s, 8 * HOUR_US), {"r1"}),
    "item verified again": (lambda s: _verify(s, "r2"), {"r2"}),
    "evidence ran out": (_let_evidence_run_out, set()),
    "item cancelled": (lambda s: s.apply(CancelReturn(ReturnId("r1"))), set()),
    "item verified during the round": (_verify_during_a_round, {"r4"}),
    "match released": (_match_and_release, {"r1"}),
    "match lost": (_lose_a_match, {"r1"}),
    "round stopped early": (_stop_a_round, ALL | {"r5"}),
    "round refused": (_ask_too_much, ALL),
    "round never finished": (_never_finish, ALL),
    "another round finished": (_finish_the_wrong_one, ALL),
    "warehouse full": (_fill_the_warehouse, ALL),
    "another policy": (lambda s: s.activate(policy()), ALL),
    "another radius": (
        lambda s: s.activate(policy(rule(radius_m=150_000))),
        ALL,
    ),
    "another warehouse": (
        lambda s: s.apply(UpsertWarehouse(warehouse("w2", 5_000))),
        ALL,
    ),
    "the same warehouse, dearer": (
        lambda s: s.apply(
            UpsertWarehouse(warehouse(daily_capacity=2, processing_micros=9_000_000))
        ),
        ALL,
    ),
    "no warehouse": (
        lambda s: s.apply(DeleteWarehouse(warehouse("w1").warehouse_id)),
        ALL,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_ends_as_if_it_had_looked_at_everything(name: str) -> None:
    """The same rows to the byte, whoever was left out (I5, I12, R2)."""
    happens, looked_at = CASES[name]
    mine, other = _both(happens)
    assert mine.looked_at == looked_at
    _compare(mine, other)


def _release_a_cap(shard: RunningShard) -> None:
    # The same unit is open, and the place for another cap as well.
    shard.apply(ReleaseMatch(MatchId("m-000000000001"), ""))


def _confirm_a_cap(shard: RunningShard) -> None:
    shard.apply(ConfirmMatch(MatchId("m-000000000001"), ""))


LIMITED: dict[str, Callable[[RunningShard], object]] = {
    **{name: happens for name, (happens, _) in CASES.items()},
    "place given back": _release_a_cap,
    "place kept": _confirm_a_cap,
    "another day": lambda s: _later(s, 13 * HOUR_US),
    "a limit raised": lambda s: s.activate(
        policy(match_limits=(MatchLimit(LimitScope.DAY, 9),))
    ),
}
LIMITS = {
    "SKU": (MatchLimit(LimitScope.SKU, 1),),
    "zone": (MatchLimit(LimitScope.ZONE, 1, 9), MatchLimit(LimitScope.DAY, 5)),
}


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("name", LIMITED)
def test_within_limits_it_ends_the_same(name: str, limits: str) -> None:
    """An item beside an open unit is looked at again, whatever happens (I5, I12)."""
    mine, other = _both(LIMITED[name], *LIMITS[limits])
    assert mine.looked_at & {"cap1", "cap2"}
    _compare(mine, other)


def _compare(mine: Ended, other: Ended) -> None:
    assert mine.looked_at <= other.looked_at
    assert mine.record == other.record
    assert mine.store.rows.returns == other.store.rows.returns
    assert mine.store.rows.demands == other.store.rows.demands
    assert mine.store.rows.matches == other.store.rows.matches
    assert mine.store.rows.decisions == other.store.rows.decisions
    assert mine.store.rows.match_counts == other.store.rows.match_counts
