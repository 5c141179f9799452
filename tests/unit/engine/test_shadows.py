"""Who was kept out is asked about; nothing real is touched."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from matcher.domain.errors import CertificateError, LimitExceededError
from matcher.domain.ids import DemandId, MatchId, ReturnId
from matcher.domain.item import VerificationStatus
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.mode import Mode
from matcher.domain.policy import VolumeCap
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.domain.shadow import ShadowResult, ShadowState
from matcher.engine import shadow_rounds
from matcher.engine.archive import LiveRows
from matcher.engine.changes import Changes
from matcher.engine.commands import (
    CancelDemand,
    PauseProgram,
    ReleaseMatch,
    ResumeProgram,
    Tick,
    UpsertWarehouse,
)
from matcher.engine.journal import Checkpoint, ShadowsFinished
from matcher.engine.limits import ShardLimits
from matcher.engine.round_task import solve_round
from matcher.engine.shadow_records import ShadowRecord
from matcher.engine.shadow_rounds import solve_shadows
from matcher.simulate.replay import replay
from matcher.solve import Stop
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    NOW_US,
    TENANT,
    RunningShard,
    demand,
    policy,
    return_item,
    rule,
    verification,
    warehouse,
)

_OUT = {"rollout_basis_points": 0}
_MARGIN_US = ShardLimits().decide_margin_us
_OPEN, _MATCHED = ShadowState.OPEN, ShadowState.MATCHED
_UNMATCHED, _SKIPPED = ShadowState.UNMATCHED, ShadowState.SKIPPED


def _shard(limits: ShardLimits | None = None, **changes: Any) -> RunningShard:
    shard = RunningShard(limits=limits)
    shard.activate(policy(**changes))
    return shard


def _shadow(shard: RunningShard, return_id: str = "r1") -> ShadowRecord:
    return shard.store.rows.shadows[ReturnId(return_id)]


def _states(shard: RunningShard) -> dict[str, ShadowState]:
    return {key: row.state for key, row in sorted(shard.store.rows.shadows.items())}


def _result(shard: RunningShard, return_id: str = "r1") -> ShadowResult:
    result = _shadow(shard, return_id).result
    assert result is not None
    return result


def _codes(shard: RunningShard, return_id: str = "r1") -> list[ReasonCode]:
    return [reason.code for reason in _result(shard, return_id).reasons]


def _ask(shard: RunningShard) -> None:
    task = shard.shard.begin_shadows(shard.now_us)
    shard.commit()
    shard.shard.finish_shadows(solve_shadows(task, None), shard.now_us)
    shard.commit()


# --- Who is kept ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (_OUT, ReasonCode.NOT_IN_ROLLOUT),
        ({"volume_cap": VolumeCap(0, HOUR_US)}, ReasonCode.VOLUME_CAP_REACHED),
        ({"mode": Mode.SHADOW}, ReasonCode.SHADOW_MODE),
        ({"mode": Mode.SHADOW, **_OUT}, ReasonCode.NOT_IN_ROLLOUT),
        (
            {"mode": Mode.SHADOW, "volume_cap": VolumeCap(0, HOUR_US)},
            ReasonCode.SHADOW_MODE,
        ),
    ],
)
def test_who_only_the_program_keeps_out_is_kept(
    changes: dict[str, Any], code: ReasonCode
) -> None:
    """To the warehouse at once (R57), and into the control group with why (R26)."""
    shard = _shard(**changes)
    (answer,) = shard.submit(return_item("r1"))
    assert answer.record.state is ReturnState.WAREHOUSE
    assert code in answer.record.reason_codes
    shadow = _shadow(shard)
    assert (shadow.state, shadow.kept_out, shadow.policy_version) == (_OPEN, code, 1)
    assert shadow.decision_id == answer.decision.decision_id
    assert shadow.until_us == return_item("r1").decide_by_us - _MARGIN_US


@pytest.mark.parametrize(
    "item",
    [
        return_item("r1", customer_consents=False),
        return_item("r1", category="toys"),
        return_item("r1", verification=None),
        return_item("r1", verification=verification(status=VerificationStatus.PENDING)),
        return_item("r1", decide_by_us=NOW_US + _MARGIN_US),
    ],
)
def test_who_fails_anything_else_is_not(item: Any) -> None:
    """Eligible and verified, or no member of the control group; nor who is late."""
    shard = _shard(mode=Mode.SHADOW)
    (answer,) = shard.submit(item)
    assert answer.record.state is ReturnState.WAREHOUSE
    assert ReasonCode.SHADOW_MODE in answer.record.reason_codes
    assert not shard.store.rows.shadows


def test_nobody_beyond_the_limit_is_asked_about() -> None:
    """They are counted all the same, with one result each; older first, then by id."""
    shard = _shard(ShardLimits(shadow_count_max=2), **_OUT)
    shard.upsert(demand("d1", quantity=9))
    shard.submit(*(return_item(f"r{n}") for n in (3, 2, 1)))
    assert _states(shard) == {"r1": _OPEN, "r2": _OPEN, "r3": _SKIPPED}
    assert _result(shard, "r3").decided_us == NOW_US
    shard.round()
    assert _states(shard) == {"r1": _MATCHED, "r2": _MATCHED, "r3": _SKIPPED}
    shard.submit(return_item("r4"))
    assert _shadow(shard, "r4").state is _OPEN


def test_a_limit_of_none_asks_about_nobody() -> None:
    """Zero switches the asking off; the control group is still counted."""
    shard = _shard(ShardLimits(shadow_count_max=0), **_OUT)
    shard.submit(return_item("r1"))
    assert _states(shard) == {"r1": _SKIPPED}


# --- What they would have had --------------------------------------------------


def test_a_shadow_would_have_had_what_a_real_item_gets() -> None:
    """The same pair at the same figures, an hour after; no demand is held (R31)."""
    outcomes = []
    for share in (0, 10_000):
        shard = _shard(rollout_basis_points=share)
        shard.upsert(demand("d1", 7_000))
        shard.submit(return_item("r1"))
        shard.now_us += HOUR_US
        record = shard.round()
        outcomes.append((shard, record))
    (shadow, without), (real, _) = outcomes
    match, result = real.match(), _result(shadow)
    assert _shadow(shadow).state is _MATCHED
    assert result.distance_m == match.distance_m == 7_000
    assert result.saving_micros == match.saving_micros
    assert result.label_micros == match.match_cost_micros
    assert (result.demand_id, result.round_id) == ("d1", without.round_id)
    assert (result.decided_us, result.waiting_us) == (NOW_US + HOUR_US, HOUR_US)
    assert not result.reasons
    assert without.matched_count == 0
    assert shadow.demand("d1").open_count == 1
    assert not shadow.store.rows.matches


def test_the_real_round_goes_first() -> None:
    """A shadow that would save more gets only what is left, and is asked again."""
    shard = _shard(volume_cap=VolumeCap(5_000, DAY_US))
    shard.upsert(demand("d1", 20_000))
    # By id: the first is past the cap, the second has a place.
    shard.submit(return_item("r1", 20_000), return_item("r2", 0))
    record = shard.round()
    assert shard.item("r2").state is ReturnState.MATCHED
    assert _shadow(shard).state is _OPEN
    assert [each.code for each in _shadow(shard).reasons] == [
        ReasonCode.DEMAND_CAPACITY
    ]
    assert record.matched_count == 1
    shard.apply(ReleaseMatch(MatchId("m-000000000001")))
    shard.round()
    assert _shadow(shard).state is _MATCHED


def test_no_unit_is_counted_for_two_shadows() -> None:
    """Two units, three shadows in two rounds with a restart between: two results."""
    shard = _shard(**_OUT)
    shard.upsert(demand("d1", quantity=2))
    shard.submit(return_item("r1"))
    shard.round()
    shard.restart()
    shard.submit(return_item("r2"), return_item("r3"))
    shard.round()
    assert _states(shard) == {"r1": _MATCHED, "r2": _MATCHED, "r3": _OPEN}
    assert shard.store.rows.shadow_units[DemandId("d1")] is not None
    shard.apply(CancelDemand(DemandId("d1")))
    shard.round()
    assert shard.store.rows.shadow_units[DemandId("d1")] is None
    shard.tick(return_item("r3").decide_by_us)
    assert _codes(shard, "r3") == [ReasonCode.DECIDE_BY_REACHED, ReasonCode.NO_DEMAND]
    assert _shadow(shard, "r3").state is _UNMATCHED


def test_a_unit_that_went_meanwhile_is_not_counted() -> None:
    """The order is cancelled while the shadows are solved: asked again, with why."""
    shard = _shard(**_OUT)
    shard.upsert(demand("d1"))
    shard.submit(return_item("r1"))
    shard.round(lambda: shard.apply(CancelDemand(DemandId("d1"))))
    shadow = _shadow(shard)
    assert shadow.state is _OPEN
    assert [each.code for each in shadow.reasons] == [ReasonCode.DEMAND_CHANGED]


@pytest.mark.parametrize("name", ["evidence", "time"])
def test_a_unit_that_is_not_taken_after_all_is_left_to_others(name: str) -> None:
    """Whoever lost it is asked again, though nothing changed but the winner (I5)."""
    shard = _shard(**_OUT)
    shard.upsert(demand("d1", 20_000))
    ends_us = NOW_US + MINUTE_US
    winner = {
        "evidence": return_item(
            "r1", 20_000, verification=verification(expire_us=ends_us)
        ),
        "time": return_item("r1", 20_000, decide_by_us=ends_us + _MARGIN_US),
    }[name]
    shard.submit(winner, return_item("r2"))
    task = shard.shard.begin_shadows(shard.now_us)
    shard.commit()
    shard.now_us = ends_us
    shard.shard.finish_shadows(solve_shadows(task, None), shard.now_us)
    shard.commit()
    assert _shadow(shard, "r2").state is _OPEN
    assert shard.shard.shadows_due_us() is not None
    _ask(shard)
    assert _states(shard) == {"r1": _UNMATCHED, "r2": _MATCHED}


def test_evidence_that_ran_out_ends_a_shadow() -> None:
    """A real item would have left the pool with the same reason."""
    evidence = verification(verify_us=NOW_US)
    shard = _shard(**_OUT)
    shard.activate(policy(rule(verification_max_age_us=MINUTE_US), **_OUT))
    shard.submit(return_item("r1", verification=evidence))
    shard.now_us += 2 * MINUTE_US
    shard.upsert(demand("d1"))
    shard.round()
    assert _codes(shard) == [ReasonCode.VERIFICATION_EXPIRED]
    assert _shadow(shard).state is _UNMATCHED
    assert _result(shard).policy_version == 2


def test_a_pause_keeps_shadows_waiting() -> None:
    """As it keeps real items; after it they are asked about."""
    shard = _shard(**_OUT)
    shard.upsert(demand("d1"))
    shard.submit(return_item("r1"))
    shard.apply(PauseProgram("", "audit"))
    shard.round()
    assert _shadow(shard).state is _OPEN
    shard.apply(ResumeProgram(""))
    shard.round()
    assert _shadow(shard).state is _MATCHED


# --- What is real stays as it is -----------------------------------------------


def _asked_in_vain(shard: RunningShard) -> tuple[int, ShadowState]:
    record = shard.round()
    return record.matched_count, _shadow(shard).state


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("collect", LimitExceededError("candidates", 2, 1)),
        ("solve_market", CertificateError("a defect")),
    ],
)
def test_trouble_with_shadows_is_no_trouble_for_a_round(
    name: str, error: Exception
) -> None:
    """Too many pairs, a certificate that is refused: the next round asks again."""
    shard = _shard(volume_cap=VolumeCap(5_000, DAY_US))
    shard.upsert(demand("d1"), demand("d2"))
    shard.submit(return_item("r1"), return_item("r2"))
    once = patch.object(
        shadow_rounds, name, side_effect=[error, *[_empty_market(shard)] * 2]
    )
    with once:
        assert _asked_in_vain(shard) == (1, _OPEN)
    assert _asked_in_vain(shard) == (0, _MATCHED)


def _empty_market(shard: RunningShard) -> Any:
    # Of another shard: nobody waits there.
    other = _shard()
    return other.shard.begin_shadows(other.now_us).market


def _contested(shard: RunningShard, *ids: str) -> None:
    # The second should leave d1 to the first and take d2; a solver that is stopped
    # before it begins does not see that: the further from stock, the more is saved.
    shard.apply(UpsertWarehouse(warehouse("w1", 0)))
    shard.upsert(demand("d1", 40_000), demand("d2", -20_000))
    shard.submit(return_item(ids[0], 0), return_item(ids[1], 80_000))


def _stopped() -> Stop:
    stop = Stop()
    stop.request()
    return stop


def test_an_unproven_answer_is_none() -> None:
    """A solve that is stopped counts nothing, says so in the journal, and is redone."""
    shard = _shard(**_OUT)
    _contested(shard, "r1", "r2")
    task = shard.shard.begin_shadows(shard.now_us)
    stopped = solve_shadows(task, None, stop=_stopped())
    assert stopped.solved is None
    assert stopped.event == ShadowsFinished(has_shadows=False)
    shard.shard.finish_shadows(stopped, shard.now_us)
    shard.commit()
    assert _states(shard) == {"r1": _OPEN, "r2": _OPEN}
    _ask(shard)
    assert _states(shard) == {"r1": _MATCHED, "r2": _MATCHED}
    assert {_result(shard, each).round_id for each in ("r1", "r2")} == {""}
    _check_replay(shard)


def test_a_stopped_round_is_replayed_with_its_shadows() -> None:
    """Neither optimum was proven: the same rows again, from the journal alone (R3)."""
    shard = _shard(volume_cap=VolumeCap(5_000, DAY_US))
    _contested(shard, "r1", "r2")
    shard.submit(*(return_item(f"r{n}", 80_000 * (n % 2)) for n in range(3, 9)))
    task = shard.shard.begin_round(shard.now_us)
    solved = solve_round(task, stop=_stopped())
    assert solved.solved.assignment.gap or solved.shadows.solved is None
    shard.shard.finish_round(solved, shard.now_us)
    shard.commit()
    shard.round()
    _check_replay(shard)


def test_a_round_says_that_it_had_no_time_for_shadows() -> None:
    """Else a replay, which has the time, would find what was not found then (R3)."""
    shard = _shard(**_OUT)
    _contested(shard, "r1", "r2")
    task = shard.shard.begin_round(shard.now_us)
    solved = solve_round(task, stop=_stopped())
    assert solved.shadows.solved is None
    shard.shard.finish_round(solved, shard.now_us)
    shard.commit()
    assert _states(shard) == {"r1": _OPEN, "r2": _OPEN}
    _check_replay(shard)


def _check_replay(shard: RunningShard) -> None:
    again = Changes()
    entries = shard.store.rows.journal
    for changes in replay(TENANT, Checkpoint(NOW_US, 0, LiveRows()), entries):
        again.add(changes)
    assert again == shard.store.rows


# --- When ----------------------------------------------------------------------


def test_a_shadow_makes_no_round_due() -> None:
    """While a round is due it asks; else the interval counts for shadows alone."""
    shard = _shard(round_interval_us=HOUR_US, volume_cap=VolumeCap(5_000, DAY_US))
    shard.submit(return_item("r1"))
    assert shard.shard.round_due_us() is None
    assert shard.shard.shadows_due_us() == NOW_US + HOUR_US
    shard.submit(return_item("r2"))
    assert shard.shard.round_due_us() == NOW_US + HOUR_US
    assert shard.shard.shadows_due_us() is None
    shard.round()
    # Nothing has changed since, for anybody.
    assert shard.shard.round_due_us() is None
    assert shard.shard.shadows_due_us() is None


def test_what_may_help_a_shadow_makes_it_due_again() -> None:
    """Nothing is asked twice of the same market; a new order is another one."""
    shard = _shard(round_interval_us=HOUR_US, **_OUT)
    shard.submit(return_item("r1"))
    _ask(shard)
    assert shard.shard.shadows_due_us() is None
    shard.upsert(demand("d1", 400_000))
    assert shard.shard.shadows_due_us() == NOW_US + HOUR_US


def test_asking_between_rounds_moves_no_round() -> None:
    """Neither the interval of the next round nor its number (R26)."""
    shard = _shard(round_interval_us=HOUR_US, volume_cap=VolumeCap(5_000, DAY_US))
    shard.upsert(demand("d1"))
    shard.submit(return_item("r1"))
    shard.now_us += HOUR_US
    _ask(shard)
    assert _shadow(shard).state is _MATCHED
    assert shard.shard.shadows_due_us() is None
    shard.now_us += MINUTE_US
    shard.submit(return_item("r2"))
    assert shard.shard.round_due_us() == NOW_US + HOUR_US
    assert shard.round().round_id == "r-000000000001"


def test_a_last_question_comes_before_the_time_is_up() -> None:
    """Without an interval, and after a restart too."""
    shard = _shard(**_OUT)
    item = return_item("r1")
    shard.submit(item)
    lead_us = _MARGIN_US + ShardLimits().round_lead_us
    for _ in range(2):
        assert shard.shard.shadows_due_us() == item.decide_by_us - lead_us
        assert shard.shard.next_us() == item.decide_by_us - _MARGIN_US
        shard.restart()


def test_a_shadow_ends_when_its_time_is_up() -> None:
    """Not a microsecond before; one that was never asked about says only that."""
    shard = _shard(**_OUT)
    shard.submit(return_item("r1"))
    until_us = _shadow(shard).until_us
    shard.tick(until_us - 1)
    assert _shadow(shard).state is _OPEN
    shard.tick(until_us)
    assert _codes(shard) == [ReasonCode.DECIDE_BY_REACHED]
    assert _result(shard).waiting_us == until_us - NOW_US
    shard.apply(Tick())
    assert shard.shard.next_us() is None


# --- Under match limits --------------------------------------------------------


def _one_a_day(**changes: Any) -> RunningShard:
    shard = _shard(match_limits=(MatchLimit(LimitScope.DAY, 1),), **changes)
    shard.upsert(demand("d1"), demand("d2"), demand("d3"))
    shard.submit(return_item("r1"), return_item("r2"))
    shard.round()
    return shard


def test_shadows_have_the_places_that_a_round_leaves() -> None:
    """The place of the day is that of the item that is in (R57)."""
    shard = _one_a_day(volume_cap=VolumeCap(5_000, HOUR_US))
    (shadow,) = shard.store.rows.shadows.values()
    assert len(shard.store.rows.matches) == 1
    assert shadow.state is _OPEN
    codes = [reason.code for reason in shadow.reasons]
    # One order went to the other item; behind the others stands the limit.
    assert codes == [ReasonCode.DEMAND_CAPACITY, ReasonCode.DAY_LIMIT_REACHED]


def test_places_of_earlier_shadows_are_not_counted() -> None:
    """One a round, for only a real match takes a place: at most, and never less."""
    shard = _one_a_day(mode=Mode.SHADOW)
    assert sorted(_states(shard).values()) == [_OPEN, _MATCHED]
    shard.now_us += MINUTE_US
    shard.upsert(demand("d4"))
    shard.round()
    assert list(_states(shard).values()) == [_MATCHED, _MATCHED]
