"""Match limits of a shard: places taken, given back, counted again and told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import MatchId, ReturnId
from matcher.domain.match_limit import LimitKey, LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import MatchKey, Policy
from matcher.domain.reason import CheckResult, ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.engine.commands import (
    CancelReturn,
    ConfirmMatch,
    ReleaseMatch,
    RollbackPolicy,
    UpsertWarehouse,
)
from matcher.engine.plan import plan
from matcher.engine.proof import unpack
from matcher.engine.round_task import solve_round
from matcher.engine.snapshot import Snapshot
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    NOW_US,
    RunningShard,
    demand,
    policy,
    return_item,
    rule,
    warehouse,
)

TODAY = NOW_US // DAY_US
_LATE_US = (TODAY + 1) * DAY_US - MINUTE_US


def _limited(*limits: MatchLimit, **changes: object) -> Policy:
    return policy(hold_duration_us=DAY_US, match_limits=limits, **changes)


def _day(count: int) -> MatchLimit:
    return MatchLimit(LimitScope.DAY, count)


def _shard(terms: Policy, count: int = 3, now_us: int = NOW_US) -> RunningShard:
    """Return a shard in which so many items and as many buyers wait, apart in place."""
    shard = RunningShard(now_us=now_us)
    shard.activate(terms)
    _fill(shard, count)
    return shard


def _fill(shard: RunningShard, count: int, prefix: str = "") -> None:
    ends_us = NOW_US + 5 * DAY_US
    for n in range(count):
        shard.upsert(demand(f"{prefix}d{n}", n * 100.0, ship_by_us=ends_us))
        shard.submit(return_item(f"{prefix}r{n}", decide_by_us=ends_us))


def _count(shard: RunningShard, day: int = TODAY) -> int:
    rows = shard.store.rows.match_counts
    row = rows.get(LimitKey(LimitScope.DAY, 0, "", day))
    return row.match_count if row else 0


def test_a_day_has_so_many_matches() -> None:
    """Over rounds and restarts; the next day has as many again (R26, I12)."""
    shard = _shard(_limited(_day(2)))
    assert shard.round().matched_count == 2
    _fill(shard, 3, "later-")
    shard.restart()
    assert shard.round().matched_count == 0
    assert _count(shard) == 2
    shard.tick((TODAY + 1) * DAY_US)
    assert shard.round().matched_count == 2
    assert (_count(shard), _count(shard, TODAY + 1)) == (2, 2)


def test_the_best_are_made_first() -> None:
    """One place: the pair that saves most, not the first (R26)."""
    shard = _shard(_limited(_day(1)))
    shard.upsert(demand("d0", 5_000, ship_by_us=NOW_US + 5 * DAY_US))
    record = shard.round()
    assert record.saving_micros == record.dual_micros == 5_999_000
    assert shard.match().demand_id == "d1"


def test_a_place_that_is_given_back_is_taken_again() -> None:
    """Released or cancelled: at once; confirmed: never (R26)."""
    shard = _shard(_limited(_day(2)))
    shard.round()
    first, second = sorted(shard.store.rows.matches)
    shard.apply(ConfirmMatch(first))
    assert _count(shard) == 2
    shard.apply(ReleaseMatch(second))
    assert _count(shard) == 1
    assert shard.round().matched_count == 1
    third = shard.match("m-000000000003")
    shard.apply(CancelReturn(ReturnId(third.return_id)))
    assert _count(shard) == 1


def test_a_hold_that_runs_out_gives_its_place_back() -> None:
    """On the day on which it was made, by time alone."""
    terms = policy(match_limits=(_day(1),))
    shard = _shard(terms)
    shard.round()
    assert _count(shard) == 1
    shard.tick(NOW_US + HOUR_US)
    assert _count(shard) == 0
    assert shard.round().matched_count == 1


def test_what_ends_the_day_after_frees_no_place() -> None:
    """Neither in its own day, which is over, nor in the new one."""
    shard = _shard(_limited(_day(2)), 6)
    shard.round()
    shard.tick((TODAY + 1) * DAY_US)
    shard.round()
    assert (_count(shard), _count(shard, TODAY + 1)) == (2, 2)
    shard.apply(ReleaseMatch(MatchId("m-000000000001")))
    assert (_count(shard), _count(shard, TODAY + 1)) == (2, 2)
    assert shard.round().matched_count == 0


def test_the_day_counts_what_no_limit_counted() -> None:
    """A limit that comes into force at noon sees the morning's matches."""
    shard = _shard(_limited())
    assert shard.round().matched_count == 3
    shard.activate(_limited(_day(3)))
    _fill(shard, 1, "later-")
    assert shard.round().matched_count == 0


def test_a_lower_limit_leaves_promises_alone() -> None:
    """Nothing more is matched; rolled back to, the old one has places (R30, I11)."""
    shard = _shard(_limited(_day(4)))
    shard.round()
    shard.activate(_limited(_day(1)))
    _fill(shard, 3, "later-")
    assert shard.round().matched_count == 0
    assert _count(shard) == 3
    for match_id in sorted(shard.store.rows.matches):
        shard.apply(ConfirmMatch(match_id))
    shard.apply(RollbackPolicy("too tight"))
    assert shard.round().matched_count == 1


def test_each_scope_counts_its_own() -> None:
    """SKUs, nested zones and warehouses, each up to its limit and no further (R26)."""
    shirts = MatchLimit(LimitScope.SKU, 2)
    shard = _shard(_limited(shirts))
    for n in range(3):
        shard.upsert(demand(f"coat{n}", n, sku="coat"))
        shard.submit(return_item(f"coat{n}", sku="coat"))
    assert shard.round().matched_count == 4
    zones = (MatchLimit(LimitScope.ZONE, 1, 10), MatchLimit(LimitScope.ZONE, 2, 5))
    shard = _shard(_limited(*zones), 9)
    matched = shard.round().matched_count
    counts = {
        each: [
            row.match_count
            for key, row in shard.store.rows.match_counts.items()
            if key.resolution == each
        ]
        for each in (10, 5)
    }
    assert counts == {10: [1] * matched, 5: [2] * (matched // 2)}
    shard = _shard(_limited(MatchLimit(LimitScope.WAREHOUSE, 1)), 9)
    shard.apply(UpsertWarehouse(warehouse("w1")))
    assert shard.round().matched_count == 1
    # The standard route is no warehouse, so nothing limits what passes it.
    shard = _shard(_limited(MatchLimit(LimitScope.WAREHOUSE, 0)), 4)
    assert shard.round().matched_count == 4


def test_a_round_across_midnight_counts_for_the_new_day() -> None:
    """It solved within what the old day had left, and its matches are the new one's."""
    shard = _shard(_limited(_day(2)), now_us=_LATE_US)
    record = shard.round(lambda: shard.tick((TODAY + 1) * DAY_US))
    assert record.matched_count == 2
    assert (_count(shard), _count(shard, TODAY + 1)) == (0, 2)


def test_a_round_asks_again_when_it_promises() -> None:
    """Of two that began beside each other the second finds the places taken (I3)."""
    shard = _shard(_limited(_day(2)), 2)
    first = shard.shard.begin_round(shard.now_us)
    _fill(shard, 2, "later-")
    second = shard.shard.begin_round(shard.now_us)
    shard.commit()
    made = [
        shard.shard.finish_round(solve_round(task), shard.now_us)
        for task in (second, first)
    ]
    shard.commit()
    assert [each.matched_count for each in made] == [2, 0]
    assert made[1].dropped_count > 0
    assert _count(shard) == 2
    told = [
        record.reason_codes
        for record in shard.store.rows.returns.values()
        if record.state is ReturnState.WAITING
    ]
    assert told
    assert all(ReasonCode.DAY_LIMIT_REACHED in codes for codes in told)


def test_a_round_is_due_when_the_day_turns() -> None:
    """Items that a limit held back are looked at again at midnight UTC."""
    shard = _shard(_limited(_day(2), round_interval_us=HOUR_US))
    shard.round()
    assert shard.shard.round_due_us() == (TODAY + 1) * DAY_US
    shard.tick((TODAY + 1) * DAY_US)
    shard.round()
    assert shard.shard.round_due_us() is None


def test_the_stored_round_proves_its_limits() -> None:
    """Groups with readable names, what was left to each, and their prices (I6)."""
    shard = _shard(_limited(_day(2)))
    proof = unpack(shard.round().proof)
    proof.check()
    (group,) = proof.groups
    assert (group.name, group.limit) == ("DAY/2026-03-02", 2)
    assert group.price > 0


def _told(terms: Policy, snapshot: Snapshot, return_id: str) -> dict[ReasonCode, str]:
    made = plan(snapshot, terms, now_us=NOW_US)
    (found,) = [each for each in made.decisions if each.return_id == return_id]
    for check in found.checks:
        failed = check.result is CheckResult.FAILED
        assert failed == bool(check.reason), check
    return {reason.code: reason.text for reason in found.reasons}


@pytest.mark.parametrize(
    ("limit", "code", "text"),
    [
        (
            _day(1),
            ReasonCode.DAY_LIMIT_REACHED,
            "As many matches as a UTC day may have are made: 1 match a UTC day.",
        ),
        (
            MatchLimit(LimitScope.SKU, 1),
            ReasonCode.SKU_LIMIT_REACHED,
            (
                "As many matches as the SKU may have on a UTC day are made: "
                "1 match a UTC day for a SKU."
            ),
        ),
        (
            MatchLimit(LimitScope.ZONE, 1, 6),
            ReasonCode.ZONE_LIMIT_REACHED,
            (
                "In zones that have as many matches as they may have on a UTC day (1 "
                "match a UTC day in a zone of resolution 6): 2 of the buyers that "
                "qualify."
            ),
        ),
        (
            MatchLimit(LimitScope.WAREHOUSE, 1),
            ReasonCode.WAREHOUSE_LIMIT_REACHED,
            (
                "As many matches as may pass the item's warehouse on a UTC day are "
                "made: 1 match a UTC day past a warehouse."
            ),
        ),
    ],
)
def test_the_limit_that_bit_is_told(
    limit: MatchLimit, code: ReasonCode, text: str
) -> None:
    """With its number, beside the buyer who went to the other item (R41, R43)."""
    snapshot = Snapshot(
        (return_item("r1"), return_item("r2")),
        (demand("d1"), demand("d2", 100)),
        (warehouse(),),
    )
    told = _told(_limited(limit), snapshot, "r2")
    assert told[code] == text
    taken = "1 of 2 buyers that qualify went to other items."
    assert told[ReasonCode.DEMAND_CAPACITY] == taken
    assert len(told) == 2


def test_only_what_stands_in_the_way_is_told() -> None:
    """A limit that is reached elsewhere, or not at all, is no reason (R41)."""
    snapshot = Snapshot(
        (return_item("r1"), return_item("r2", sku="coat"), return_item("r3")),
        (demand("d1"), demand("d2", 40_000)),
    )
    zone = MatchLimit(LimitScope.ZONE, 1, 9)
    terms = _limited(zone, _day(2), MatchLimit(LimitScope.SKU, 9))
    assert set(_told(terms, snapshot, "r2")) == {
        ReasonCode.NO_DEMAND,
        ReasonCode.STANDARD_WAREHOUSE_ROUTE,
    }
    snapshot = Snapshot((*snapshot.return_items, return_item("r4")), snapshot.demands)
    assert set(_told(terms, snapshot, "r4")) == {
        ReasonCode.DEMAND_CAPACITY,
        ReasonCode.DAY_LIMIT_REACHED,
        ReasonCode.ZONE_LIMIT_REACHED,
        ReasonCode.STANDARD_WAREHOUSE_ROUTE,
    }


def test_a_unit_that_is_left_is_not_called_taken() -> None:
    """Only the limit stands in the way: every buyer has a unit left (R41)."""
    snapshot = Snapshot(
        (return_item("r1"), return_item("r2")), (demand("d1", quantity=9),)
    )
    told = _told(_limited(_day(1)), snapshot, "r2")
    assert ReasonCode.DEMAND_CAPACITY not in told
    assert ReasonCode.DAY_LIMIT_REACHED in told


@pytest.mark.parametrize("limits", [(), (_day(10**9),)])
def test_what_does_not_fit_is_the_policys_fault(limits: tuple[MatchLimit, ...]) -> None:
    """Savings that lie too far apart cannot come second in 64 bits: it is said."""
    terms = policy(objective=Objective.MAX_MATCHES_THEN_SAVING, match_limits=limits)
    model = replace(terms.cost_model, priority_step_micros=2 * 10**16)
    snapshot = Snapshot(
        tuple(return_item(f"r{n}") for n in range(20)),
        (demand("d1", quantity=19, priority=9), demand("d2", quantity=9)),
    )
    with pytest.raises(InvalidValueError, match=r"policy\.objective: .*MAX_SAVING"):
        plan(snapshot, replace(terms, cost_model=model), now_us=NOW_US)
    plain = replace(terms, cost_model=model, objective=Objective.MAX_SAVING)
    assert plan(snapshot, plain, now_us=NOW_US).summary.matched_count == 20


def test_old_days_are_forgotten() -> None:
    """A shard that runs for days keeps two of them in memory; the rows stay."""
    shard = _shard(_limited(_day(1), MatchLimit(LimitScope.SKU, 5)), 6)
    for n in range(4):
        shard.tick((TODAY + n) * DAY_US + HOUR_US * 13)
        shard.round()
    counts = shard.shard._matches.limits._counts
    assert {key.day for key in counts} == {TODAY + 2, TODAY + 3}
    assert len(shard.store.rows.match_counts) == 8


def test_any_item_of_the_category_counts_for_its_own_sku() -> None:
    """Where a coat serves who ordered a shirt, it is a coat that is counted."""
    terms = policy(
        rule(match_key=MatchKey.CATEGORY),
        match_limits=(MatchLimit(LimitScope.SKU, 1),),
    )
    snapshot = Snapshot(
        (return_item("r1"), return_item("r2"), return_item("r3", sku="coat")),
        (demand("d1", quantity=9),),
    )
    made = plan(snapshot, terms, now_us=NOW_US)
    assert made.summary.matched_count == 2
