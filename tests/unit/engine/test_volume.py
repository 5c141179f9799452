"""The volume cap as a shard keeps it."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from matcher.domain.item import VerificationStatus
from matcher.domain.policy import Policy, VolumeCap
from matcher.domain.reason import CheckResult, ReasonCode
from matcher.engine.commands import (
    PauseProgram,
    RecordVerification,
    ReleaseMatch,
    ResumeProgram,
)
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    NOW_US,
    RunningShard,
    demand,
    policy,
    return_item,
    verification,
)

_PENDING = verification(status=VerificationStatus.PENDING)


def _capped(basis_points: int = 1_000, window_us: int = DAY_US) -> Policy:
    return policy(volume_cap=VolumeCap(basis_points, window_us))


def _shard(document: Policy) -> RunningShard:
    shard = RunningShard()
    shard.activate(document)
    return shard


def _admitted(shard: RunningShard) -> int:
    return sum(r.state.name == "WAITING" for r in shard.store.rows.returns.values())


def _counts(shard: RunningShard) -> tuple[int, int]:
    rows = shard.store.rows.volume_hours.values()
    return sum(r.eligible_count for r in rows), sum(r.admitted_count for r in rows)


@pytest.mark.parametrize("basis_points", [0, 1, 333, 1_000, 5_000, 10_000])
def test_the_share_is_exact_after_every_item(basis_points: int) -> None:
    """In batches of any size, with restarts between them (R25)."""
    rng = random.Random(basis_points)
    shard = _shard(_capped(basis_points))
    count = 0
    while count < 400:
        size = rng.choice([1, 1, 7, 40])
        ids = [f"r{count + number:04}" for number in range(size)]
        items = [return_item(each, decide_by_us=2**60) for each in ids]
        rng.shuffle(items)
        shard.submit(*items)
        count += size
        assert _admitted(shard) == count * basis_points // 10_000
        assert _counts(shard) == (count, _admitted(shard))
        if rng.random() < 0.3:
            shard.restart()


def test_places_go_by_id_within_a_batch() -> None:
    """Whatever the order of the batch: the same input, the same decision (I5)."""
    states = []
    for seed in range(3):
        items = [return_item(f"r{n}") for n in range(10)]
        random.Random(seed).shuffle(items)
        shard = _shard(_capped(5_000))
        shard.submit(*items)
        rows = shard.store.rows.returns
        states.append([rows[each].state.name for each in sorted(rows)])
    assert states[0] == ["WAREHOUSE", "WAITING"] * 5
    assert states[0] == states[1] == states[2]


def test_who_is_capped_is_told() -> None:
    """A reason of its own beside a check that names the cap, for both (R26)."""
    shard = _shard(_capped(5_000))
    shard.submit(return_item("r1"), return_item("r2"))
    out, into = (shard.item(each) for each in ("r1", "r2"))
    assert out.reason_codes[0] is ReasonCode.VOLUME_CAP_REACHED
    decisions = {d.return_id: d for d in shard.store.rows.decisions}
    for record, result in ((out, CheckResult.FAILED), (into, CheckResult.PASSED)):
        checks = decisions[record.item.return_id].checks
        (check,) = [each for each in checks if each.name == "within_volume_cap"]
        assert check.result is result
        assert check.accepted == "50.00 % of eligible items in 1 day"


def test_the_check_stays_with_the_item() -> None:
    """After a restart the match still says that the cap was asked (R12)."""
    shard = _shard(_capped(10_000))
    shard.submit(return_item("r1"))
    shard.restart()
    shard.upsert(demand("d1"))
    shard.round()
    checks = {c.name: c.result for c in shard.store.rows.decisions[-1].checks}
    assert checks["within_volume_cap"] is CheckResult.PASSED
    assert set(checks.values()) == {CheckResult.PASSED}


def test_only_eligible_items_count() -> None:
    """Of those that fail, only the ones outside the rollout are in the share (R25)."""
    shard = _shard(_capped(10_000))
    shard.submit(
        return_item("r1"),
        return_item("no consent", customer_consents=False),
        return_item("pending", verification=_PENDING),
        return_item("late", decide_by_us=NOW_US + 1),
    )
    assert _counts(shard) == (1, 1)
    outside = RunningShard()
    outside.activate(
        policy(rollout_basis_points=0, volume_cap=VolumeCap(10_000, HOUR_US))
    )
    outside.submit(return_item("r1"))
    assert _counts(outside) == (1, 0)


def test_an_item_asks_once() -> None:
    """Matched, released, matched again: one place; it was counted when inspected."""
    shard = _shard(_capped(10_000))
    shard.submit(return_item("r1", verification=_PENDING))
    assert _counts(shard) == (0, 0)
    shard.apply(RecordVerification(return_item("r1").return_id, verification()))
    assert _counts(shard) == (1, 1)
    shard.upsert(demand("d1"), demand("d2"))
    shard.round()
    shard.apply(ReleaseMatch(shard.item("r1").match_id))
    shard.round()
    assert _counts(shard) == (1, 1)


def test_the_window_rolls_by_the_hour() -> None:
    """What is older than the window no longer counts, to the hour."""
    shard = _shard(_capped(5_000, 2 * HOUR_US))
    shard.submit(*(return_item(f"a{n}", decide_by_us=2**60) for n in range(10)))
    assert _admitted(shard) == 5
    start_us = NOW_US - NOW_US % HOUR_US
    for number, (now_us, expected) in enumerate(
        [(start_us + HOUR_US, 5), (start_us + 2 * HOUR_US - 1, 6)]
    ):
        shard.now_us = now_us
        shard.submit(return_item(f"b{number}", decide_by_us=2**60))
        assert _admitted(shard) == expected
    # The first hour is out: of one (6 of 12 less 5 of 10) and one more none may be in.
    shard.now_us = start_us + 2 * HOUR_US
    shard.submit(return_item("c", decide_by_us=2**60))
    assert _admitted(shard) == 6


def test_another_cap_counts_anew() -> None:
    """A version with the same cap goes on counting; one with another starts at 0."""
    shard = _shard(_capped(5_000))
    shard.submit(*(return_item(f"a{n}") for n in range(10)))
    shard.activate(policy(volume_cap=VolumeCap(5_000, DAY_US), round_size=1_000))
    assert _counts(shard) == (10, 5)
    shard.activate(_capped(1_000))
    assert _counts(shard) == (0, 0)
    shard.restart()
    shard.submit(*(return_item(f"b{n}") for n in range(10)))
    assert _counts(shard) == (10, 1)


def test_who_was_let_in_before_a_cap_stays() -> None:
    """A cap that comes later does not ask those who wait already (R30, R42)."""
    shard = _shard(policy())
    shard.submit(*(return_item(f"a{n}") for n in range(4)))
    shard.activate(_capped(0))
    shard.upsert(demand("d1", quantity=9))
    assert shard.round().matched_count == 4


def test_whoever_waited_out_a_pause_asks_then() -> None:
    """Inspected during a pause, it asks for its place when the program resumes."""
    shard = _shard(_capped(5_000))
    ids = [return_item(f"r{n}", verification=_PENDING) for n in range(4)]
    shard.submit(*ids)
    shard.apply(PauseProgram("", "audit"))
    for item in ids:
        shard.apply(RecordVerification(item.return_id, verification()))
    assert (_counts(shard), _admitted(shard)) == ((0, 0), 4)
    shard.apply(ResumeProgram(""))
    shard.upsert(demand("d1", quantity=9))
    record = shard.round()
    assert (record.matched_count, record.warehouse_count) == (2, 2)
    assert _counts(shard) == (4, 2)


def test_whoever_waited_out_a_pause_in_vain_is_counted() -> None:
    """Inspected while all stood still, outside the rollout by then: no place (R25)."""
    shard = _shard(policy())
    shard.submit(return_item("r1", verification=_PENDING))
    shard.apply(PauseProgram("", "audit"))
    shard.apply(RecordVerification(return_item("r1").return_id, verification()))
    shard.apply(ResumeProgram(""))
    shard.activate(policy(rollout_basis_points=0, volume_cap=VolumeCap(10_000, DAY_US)))
    assert _counts(shard) == (0, 0)
    shard.round()
    assert shard.item("r1").reason_codes[0] is ReasonCode.NOT_IN_ROLLOUT
    assert _counts(shard) == (1, 0)


def test_old_hours_are_dropped() -> None:
    """A shard that runs for a year keeps no more than the longest window."""
    shard = _shard(_capped(10_000, HOUR_US))
    for day in range(0, 400, 5):
        shard.now_us = NOW_US + day * DAY_US
        fresh = verification(verify_us=shard.now_us, expire_us=None)
        shard.submit(return_item(f"r{day}", decide_by_us=2**60, verification=fresh))
    kept = shard.shard._policies.volume._hours
    assert len(kept) == 90 // 5 + 1
    shard.restart()
    assert shard.shard._policies.volume._hours.keys() >= kept.keys()


def test_the_rows_and_the_records_agree() -> None:
    """Counted hours are what the records say, after a random day (I12)."""
    rng = random.Random(7)
    shard = _shard(_capped(3_000, 6 * HOUR_US))
    asked: Counter[int] = Counter()
    for number in range(300):
        shard.now_us += rng.randrange(10 * MINUTE_US)
        shard.submit(return_item(f"r{number}", decide_by_us=2**60))
        asked[shard.now_us // HOUR_US] += 1
    rows = shard.store.rows.volume_hours
    assert {hour: row.eligible_count for hour, row in rows.items()} == asked
    assert sum(row.admitted_count for row in rows.values()) == _admitted(shard)
