"""Activation, rollback and pauses, as a shard carries them out."""

from __future__ import annotations

import pytest

from matcher.domain.errors import NotReadyError, StateConflictError
from matcher.domain.item import VerificationStatus
from matcher.domain.match import Match
from matcher.domain.policy import Policy, PolicyState, StepLimits
from matcher.domain.policy_change import Dimension
from matcher.domain.program import (
    IN_FORCE_COUNT_MAX,
    Pause,
    Program,
    ProgramEventKind,
    SignOff,
)
from matcher.domain.reason import ReasonCode
from matcher.engine.commands import (
    ActivatePolicy,
    ConfirmMatch,
    CreatePolicy,
    PauseProgram,
    RecordVerification,
    ResumeProgram,
    RollbackPolicy,
)
from matcher.engine.records import PolicyRecord
from matcher.engine.round_task import solve_round
from tests.scenarios import (
    DAY_US,
    NOW_US,
    SIGNED,
    RunningShard,
    activation,
    demand,
    policy,
    return_item,
    rule,
    verification,
)

_PENDING = verification(status=VerificationStatus.PENDING, evidence_id="e")


def _create(shard: RunningShard, document: Policy) -> int:
    record = shard.apply(CreatePolicy(document))
    assert isinstance(record, PolicyRecord)
    return record.policy.version


def _events(shard: RunningShard) -> list[tuple[str, int, int]]:
    return [
        (event.kind.name, event.previous_version, event.policy_version)
        for event in shard.store.rows.program_events
    ]


def _states(shard: RunningShard) -> dict[str, str]:
    return {key: row.state.name for key, row in shard.store.rows.returns.items()}


def _reasons(shard: RunningShard, return_id: str) -> tuple[ReasonCode, ...]:
    return shard.item(return_id).reason_codes


# --- Activation ----------------------------------------------------------------


def test_a_wide_version_needs_somebody_to_say_so() -> None:
    """All that is missing is listed and nothing changed; said, it is done (R27)."""
    shard = RunningShard()
    version = _create(shard, policy(rule(), rule(category="shoes")))
    with pytest.raises(NotReadyError) as refused:
        shard.apply(ActivatePolicy(version, (Dimension.RADIUS,)))
    assert [each.subject for each in refused.value.shortfalls] == [
        "CATEGORY",
        "ROLLOUT",
        "OWNER",
        "CUSTOMER_COPY",
        "SUPPORT_SCRIPTS",
    ]
    assert "0.00 % -> 100.00 %" in refused.value.shortfalls[1].description
    assert not shard.store.rows.program_events
    assert shard.store.rows.policies[version].state is PolicyState.CREATED
    meant = (Dimension.ROLLOUT, Dimension.CATEGORY, Dimension.ROLLOUT)
    shard.apply(ActivatePolicy(version, meant, SIGNED))
    (event,) = shard.store.rows.program_events
    assert event.acknowledged == (Dimension.CATEGORY, Dimension.ROLLOUT)
    assert event.kind is ProgramEventKind.ACTIVATED
    assert event.sign_offs == SIGNED


@pytest.mark.parametrize("missing", SIGNED)
def test_every_item_has_to_be_signed_for(missing: SignOff) -> None:
    """Owner, copy, scripts: without one of them the version stays where it is (R34)."""
    shard = RunningShard()
    version = _create(shard, policy(rollout_basis_points=500))
    others = tuple(each for each in SIGNED if each != missing)
    with pytest.raises(NotReadyError, match=missing.item.name):
        shard.apply(ActivatePolicy(version, (), others))
    shard.apply(ActivatePolicy(version, (), (missing, *others)))


def test_a_narrow_first_version_needs_nothing() -> None:
    """One category, a tenth of customers: the step that is always allowed (R27)."""
    shard = RunningShard()
    version = _create(shard, policy(rollout_basis_points=1_000))
    shard.apply(ActivatePolicy(version, (), SIGNED))
    assert _events(shard) == [("ACTIVATED", 0, 1)]


def test_the_limits_are_those_of_the_version_in_force() -> None:
    """A new version cannot widen its own limits to pass by them."""
    shard = RunningShard()
    narrow = _create(shard, policy(rollout_basis_points=500))
    shard.apply(ActivatePolicy(narrow, (), SIGNED))
    lax = StepLimits(10_000, 500_000, 10_000)
    wide = _create(shard, policy(rollout_basis_points=10_000, step_limits=lax))
    with pytest.raises(NotReadyError):
        shard.apply(ActivatePolicy(wide, (), SIGNED))
    same = _create(shard, policy(rollout_basis_points=500, step_limits=lax))
    shard.apply(ActivatePolicy(same, (), SIGNED))
    shard.apply(ActivatePolicy(wide, (), SIGNED))
    assert [version for *_, version in _events(shard)] == [1, same, wide]


def test_activating_what_is_active_changes_nothing() -> None:
    """Said twice it is one event, and a rollback goes back one step."""
    shard = RunningShard()
    shard.activate(policy())
    shard.activate(policy(round_size=7))
    shard.apply(ActivatePolicy(2))
    assert len(_events(shard)) == 2
    shard.apply(RollbackPolicy("why"))
    assert _events(shard)[-1] == ("ROLLED_BACK", 2, 1)


# --- Rollback ------------------------------------------------------------------


def test_a_rollback_walks_back_one_version_at_a_time() -> None:
    """Through the versions as they were in force, to the first and no further (R30)."""
    shard = RunningShard()
    for size in (1, 2, 3):
        shard.activate(policy(round_size=size))
    shard.apply(activation(1))
    for expected in (3, 2, 1):
        record = shard.apply(RollbackPolicy("complaints"))
        assert isinstance(record, PolicyRecord)
        assert record.policy.version == expected
        assert record.state is PolicyState.ACTIVE
    with pytest.raises(StateConflictError, match="on version 1"):
        shard.apply(RollbackPolicy("more complaints"))
    active = [
        version
        for version, row in shard.store.rows.policies.items()
        if row.state is PolicyState.ACTIVE
    ]
    assert active == [1]
    assert shard.store.rows.program_events[-1].note == "complaints"


def test_a_rollback_needs_no_acknowledgement() -> None:
    """The way back is open even where it is wider than a step."""
    shard = RunningShard()
    shard.activate(policy())
    shard.activate(policy(rollout_basis_points=0))
    shard.apply(RollbackPolicy("narrowed by mistake"))
    assert _events(shard)[-1] == ("ROLLED_BACK", 2, 1)


def test_without_a_policy_there_is_no_way_back() -> None:
    """A tenant that never had one gets FAILED_PRECONDITION, not an assertion."""
    with pytest.raises(StateConflictError, match="is off"):
        RunningShard().apply(RollbackPolicy("why"))


def test_promises_stand_whatever_is_rolled_back_or_paused() -> None:
    """A match made under the version that is withdrawn is confirmed as ever (R30)."""
    shard = RunningShard()
    shard.activate(policy())
    shard.activate(policy(round_size=9))
    shard.upsert(demand("d1"))
    shard.submit(return_item("r1"))
    shard.round()
    match_id = shard.item("r1").match_id
    shard.apply(RollbackPolicy("complaints"))
    shard.apply(PauseProgram("", "audit"))
    match = shard.apply(ConfirmMatch(match_id))
    assert isinstance(match, Match)
    assert match.policy_version == 2
    assert _states(shard) == {"r1": "CONFIRMED"}


def test_the_stack_of_versions_is_bounded() -> None:
    """A thousand steps back are kept; the log keeps all."""
    shard = RunningShard()
    for size in (1, 2):
        shard.activate(policy(round_size=size))
    for number in range(IN_FORCE_COUNT_MAX + 5):
        shard.apply(activation(1 + number % 2))
    program = shard.store.rows.program
    assert program is not None
    assert len(program.in_force) == IN_FORCE_COUNT_MAX
    assert program.event_count == len(shard.store.rows.program_events)


def test_a_store_of_an_earlier_release_goes_on() -> None:
    """Its active version counts as the first in force."""
    shard = RunningShard()
    shard.activate(policy())
    shard.store.rows.program = None
    shard.store.rows.program_events.clear()
    shard.restart()
    shard.activate(policy(round_size=5))
    assert _events(shard) == [("ACTIVATED", 1, 2)]
    shard.apply(RollbackPolicy("why"))
    assert shard.store.rows.program == Program((1,), (), 2)


# --- Pauses --------------------------------------------------------------------


@pytest.mark.parametrize("category", ["", "apparel"])
def test_a_pause_keeps_new_items_out_and_waiting_ones_in(category: str) -> None:
    """New ones leave at once (R57), waiting ones keep their place until it ends."""
    shard = RunningShard()
    shard.activate(policy())
    shard.submit(return_item("old"))
    shard.apply(PauseProgram(category, "audit"))
    shard.upsert(demand("d1", quantity=5))
    shard.submit(return_item("new"))
    assert _states(shard) == {"old": "WAITING", "new": "WAREHOUSE"}
    assert _reasons(shard, "new")[0] is ReasonCode.PROGRAM_PAUSED
    assert shard.round().matched_count == 0
    assert _reasons(shard, "old") == (ReasonCode.PROGRAM_PAUSED,)
    count = len(shard.store.rows.decisions)
    record = shard.round()
    assert len(shard.store.rows.decisions) == count, "told round by round"
    assert (record.waiting_count, record.return_count) == (1, 1)
    shard.apply(ResumeProgram(category))
    assert shard.round().matched_count == 1
    assert _states(shard)["old"] == "MATCHED"


def test_a_paused_item_still_leaves_in_time() -> None:
    """At its decide-by time it goes to a warehouse like any other (R2, R61)."""
    shard = RunningShard()
    shard.activate(policy())
    shard.submit(return_item("r1", decide_by_us=NOW_US + DAY_US))
    shard.apply(PauseProgram("", "audit"))
    shard.tick(NOW_US + DAY_US)
    assert _states(shard) == {"r1": "WAREHOUSE"}
    assert ReasonCode.PROGRAM_PAUSED in _reasons(shard, "r1")
    assert ReasonCode.DECIDE_BY_REACHED in _reasons(shard, "r1")


def test_an_inspection_is_recorded_during_a_pause() -> None:
    """Whoever waits for one keeps the place; a failed one ends the wait."""
    shard = RunningShard()
    shard.activate(policy())
    shard.submit(
        *(return_item(each, verification=_PENDING) for each in ("good", "bad"))
    )
    shard.apply(PauseProgram("", "audit"))
    shard.apply(RecordVerification(return_item("good").return_id, verification()))
    failed = verification(status=VerificationStatus.FAILED)
    shard.apply(RecordVerification(return_item("bad").return_id, failed))
    assert _states(shard) == {"good": "WAITING", "bad": "WAREHOUSE"}
    shard.upsert(demand("d1"))
    shard.apply(ResumeProgram(""))
    assert shard.round().matched_count == 1


def test_other_categories_go_on() -> None:
    """A pause of one category is no pause of the next."""
    shard = RunningShard()
    shard.activate(policy(rule(), rule(category="shoes")))
    shard.apply(PauseProgram("shoes", "audit"))
    shard.upsert(demand("d1"))
    shard.submit(return_item("r1"))
    assert shard.round().matched_count == 1


def test_a_match_in_flight_is_dropped_by_a_pause() -> None:
    """The round began before it; the promise would come after."""
    shard = RunningShard()
    shard.activate(policy())
    shard.upsert(demand("d1"))
    shard.submit(return_item("r1"))
    task = shard.shard.begin_round(shard.now_us)
    shard.commit()
    shard.apply(PauseProgram("apparel", "audit"))
    record = shard.shard.finish_round(solve_round(task), shard.now_us)
    shard.commit()
    assert (record.matched_count, record.dropped_count) == (0, 1)
    assert _states(shard) == {"r1": "WAITING"}
    shard.apply(ResumeProgram("apparel"))
    assert shard.round().matched_count == 1


def test_pauses_survive_a_restart() -> None:
    """What is paused is a row of the store like any other (I12)."""
    shard = RunningShard()
    shard.activate(policy())
    shard.apply(PauseProgram("apparel", "audit"))
    shard.restart()
    shard.submit(return_item("r1"))
    assert _states(shard) == {"r1": "WAREHOUSE"}


def test_pauses_and_their_ends_are_said_once() -> None:
    """
    Pausing what is paused and resuming what runs change nothing and are not logged.

    A category under a pause of everything cannot be resumed alone.
    """
    shard = RunningShard()
    shard.activate(policy())
    for _ in range(2):
        shard.apply(PauseProgram("", "audit"))
    shard.apply(PauseProgram("shoes", "recall"))
    with pytest.raises(StateConflictError, match="paused with the whole program"):
        shard.apply(ResumeProgram("apparel"))
    for _ in range(2):
        program = shard.apply(ResumeProgram(""))
    assert isinstance(program, Program)
    assert program.pauses == (Pause("shoes", "recall", NOW_US),)
    kinds = [kind for kind, *_ in _events(shard)]
    assert kinds == ["ACTIVATED", "PAUSED", "PAUSED", "RESUMED"]
