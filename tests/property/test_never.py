"""Whatever the policies and the items: who is never matched, and who has a route."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.decision import Outcome
from matcher.domain.demand import Demand
from matcher.domain.errors import NearturnError
from matcher.domain.item import VerificationStatus
from matcher.domain.match import HoldState
from matcher.domain.policy import CategoryRule, Policy
from matcher.domain.return_item import ReturnItem, ReturnState
from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    Command,
    ConfirmMatch,
    CreatePolicy,
    PauseProgram,
    RecordVerification,
    ReleaseMatch,
    ResumeProgram,
    RollbackPolicy,
    UpsertWarehouse,
)
from matcher.engine.plan import plan
from matcher.engine.snapshot import Snapshot
from tests.property import wild
from tests.scenarios import (
    DAY_US,
    NOW_US,
    TENANT,
    RunningShard,
    activation,
    verification,
    warehouse,
)

_FINAL = (ReturnState.CONFIRMED, ReturnState.WAREHOUSE, ReturnState.CANCELLED)

# What time may do between two moves: a moment, a hold, a decide-by time and more.
_STEPS_US = (1, 60_000_000, 1_800_000_000, 7_200_000_000, DAY_US)

_MOVES = (
    *("round", "round", "round", "submit", "submit", "verify", "policy", "policy"),
    *("roll back", "pause", "resume", "time", "time", "confirm", "release"),
    *("cancel item", "cancel demand", "restart"),
)


def test_every_field_of_a_policy_is_drawn() -> None:
    """A field that nobody fuzzes could lift what no policy may lift (R7)."""
    drawn = {*wild.POLICY_FIELDS, "rollout_basis_points", "rollout_steps"}
    assert {each.name for each in fields(Policy)} - drawn == {"version", "categories"}
    of_rule = {each.name for each in fields(CategoryRule)}
    assert of_rule - {*wild.RULE_FIELDS} == {"category"}


@st.composite
def _items(draw: st.DrawFn, count: int) -> tuple[ReturnItem, ...]:
    return tuple(draw(wild.items(number)) for number in range(count))


@st.composite
def _demands(draw: st.DrawFn, count: int) -> tuple[Demand, ...]:
    return tuple(draw(wild.demands(number)) for number in range(count))


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw up to six items and five demands, with a small warehouse or none."""
    houses = (warehouse("w1", daily_capacity=2),) if draw(st.booleans()) else ()
    counts = draw(st.integers(0, 6)), draw(st.integers(0, 5))
    return Snapshot(draw(_items(counts[0])), draw(_demands(counts[1])), houses)


def _plan_keeps_every_promise(snapshot: Snapshot, terms: Policy) -> int:
    made = plan(snapshot, terms, now_us=NOW_US, tenant=TENANT, threads=1)
    by_id = {item.return_id: item for item in snapshot.return_items}
    assert sorted(each.return_id for each in made.decisions) == sorted(by_id)
    matched = 0
    for decision in made.decisions:
        assert decision.reasons
        assert (decision.match is None) != (decision.warehouse is None)
        if decision.outcome is Outcome.MATCHED:
            matched += 1
            assert wild.may_be_matched(by_id[decision.return_id], terms, NOW_US)
    return matched


@settings(max_examples=300)
@given(snapshots(), wild.policies())
def test_no_plan_matches_what_must_never_be(snapshot: Snapshot, terms: Policy) -> None:
    """Any policy, any items: none of the never-list, and a route each (R2, R7, R16)."""
    _plan_keeps_every_promise(snapshot, terms)


@pytest.mark.slow
@settings(max_examples=5_000)
@given(snapshots(), wild.policies())
def test_no_plan_of_thousands_does(snapshot: Snapshot, terms: Policy) -> None:
    """The same over five thousand policies (R2, R7, R8, R16, R18)."""
    _plan_keeps_every_promise(snapshot, terms)


@dataclass
class _Life:
    """A shard under moves that are drawn, and what it promised."""

    data: st.DataObject
    shard: RunningShard = field(default_factory=RunningShard)
    submitted: int = 0
    seen: int = 0
    # What an item was, and which policies may have judged it, when it was matched.
    items: dict[str, ReturnItem] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        """Put a policy in force, and demands and items into the pool."""
        self._apply(CreatePolicy(self.data.draw(wild.policies())))
        self._apply(activation(1))
        if self.data.draw(st.booleans()):
            self._apply(UpsertWarehouse(warehouse("w1", daily_capacity=2)))
        self.shard.upsert(*self.data.draw(_demands(self.data.draw(st.integers(1, 5)))))
        for _ in range(self.data.draw(st.integers(1, 6))):
            self._submit()

    def step(self) -> None:
        """Make one move; a refused one is a move too."""
        draw = self.data.draw
        match draw(st.sampled_from(_MOVES)):
            case "round":
                if self.shard.store.rows.policies:
                    self.shard.round()
            case "submit":
                self._submit()
            case "verify":
                number = draw(st.integers(0, self.submitted))
                self._verify(number)
            case "policy":
                self._change_policy()
            case "roll back":
                self._apply(RollbackPolicy("complaints"))
            case "pause":
                self._apply(
                    PauseProgram(draw(st.sampled_from(["", "apparel"])), "audit")
                )
            case "resume":
                self._apply(ResumeProgram(draw(st.sampled_from(["", "apparel"]))))
            case "time":
                self._pass_time(draw(st.sampled_from(_STEPS_US)))
            case "restart":
                self.shard.restart()
            case other:
                self._move_one(other)
        self._check_promises()

    def end(self) -> None:
        """Let all time run out, and look where every return ended."""
        while (due_us := self.shard.shard.next_us()) is not None:
            self.shard.tick(max(due_us, self.shard.now_us))
            self._check_promises()
        rows = self.shard.store.rows
        confirmed = Counter(
            match.return_id
            for match in rows.matches.values()
            if match.hold_state is HoldState.CONFIRMED
        )
        assert set(rows.returns) == set(self.items)
        for return_id, record in rows.returns.items():
            assert record.state in _FINAL
            assert confirmed[return_id] == (record.state is ReturnState.CONFIRMED)
            last = [d for d in rows.decisions if d.return_id == return_id][-1]
            assert last.decision_id == record.decision_id
            assert last.reasons
            assert last.decided_us < record.item.decide_by_us
            assert (last.warehouse is not None) == (
                record.state is ReturnState.WAREHOUSE
            )
        assert not any(m.hold_state is HoldState.ACTIVE for m in rows.matches.values())

    def _check_promises(self) -> None:
        rows = self.shard.store.rows
        for decision in rows.decisions[self.seen :]:
            self.met[decision.outcome.name] += 1
            self.met.update(reason.code.name for reason in decision.reasons)
            if decision.outcome is Outcome.MATCHED:
                terms = rows.policies[decision.policy_version].policy
                item = self.items[decision.return_id]
                assert wild.may_be_matched(item, terms, decision.decided_us)
        self.seen = len(rows.decisions)

    def _submit(self) -> None:
        item = self.data.draw(wild.items(self.submitted))
        late_us = self.shard.now_us - NOW_US
        # Its times are drawn around now; now has moved on.
        item = wild.later(item, late_us)
        self.submitted += 1
        self.items[item.return_id] = item
        self.shard.submit(item)

    def _verify(self, number: int) -> None:
        item = self.items.get(f"r{number}")
        if item is None:
            return
        evidence = verification(
            status=self.data.draw(st.sampled_from(VerificationStatus)),
            verify_us=self.shard.now_us,
        )
        if self._apply(RecordVerification(item.return_id, evidence)):
            self.items[item.return_id] = wild.verified(item, evidence)

    def _change_policy(self) -> None:
        if self.data.draw(st.booleans()):
            self._apply(CreatePolicy(self.data.draw(wild.policies())))
        versions = len(self.shard.store.rows.policies)
        self._apply(activation(self.data.draw(st.integers(1, versions))))

    def _move_one(self, name: str) -> None:
        draw, rows = self.data.draw, self.shard.store.rows
        if name == "cancel demand":
            self._apply(CancelDemand(draw(st.sampled_from(sorted(rows.demands)))))
        elif name == "cancel item":
            live = [key for key, record in rows.returns.items() if record.is_live]
            some = live if live and draw(st.booleans()) else rows.returns
            self._apply(CancelReturn(draw(st.sampled_from(sorted(some)))))
        elif rows.matches:
            kind = ConfirmMatch if name == "confirm" else ReleaseMatch
            self._apply(kind(draw(st.sampled_from(sorted(rows.matches)))))

    def _pass_time(self, step_us: int) -> None:
        # As the host does: a tick whenever something is due.
        goal_us = self.shard.now_us + step_us
        while (due_us := self.shard.shard.next_us()) is not None and due_us <= goal_us:
            self.shard.tick(max(due_us, self.shard.now_us))
        self.shard.tick(goal_us)

    def _apply(self, command: Command) -> bool:
        try:
            self.shard.apply(command)
        except NearturnError:
            self.met[f"{type(command).__name__} refused"] += 1
            return False
        return True


def _live(data: st.DataObject) -> Counter[str]:
    life = _Life(data)
    life.begin()
    if data.draw(st.sampled_from([True, False, True])):
        life.shard.round()
    for _ in range(data.draw(st.integers(0, 12))):
        life.step()
    life.end()
    return life.met


@settings(max_examples=120)
@given(st.data())
def test_every_life_gives_each_return_one_route(data: st.DataObject) -> None:
    """Rounds, pauses, policies, time: one route each, the never-list kept (R2, R7)."""
    _live(data)


@pytest.mark.slow
@settings(max_examples=3_000)
@given(st.data())
def test_thousands_of_lives_do(data: st.DataObject) -> None:
    """The same over three thousand lives (R2, R7, R8, R16, R18, R61)."""
    _live(data)


def test_the_lives_meet_every_outcome() -> None:
    """Lives in which nobody was ever matched would prove nothing."""
    met: Counter[str] = Counter()

    @settings(max_examples=240)
    @given(st.data())
    def lives(data: st.DataObject) -> None:
        met.update(_live(data))

    lives()
    assert min(met[each] for each in ("MATCHED", "WAITING", "WAREHOUSE")) >= 10, met
    assert met["CANCELLED"] > 0, met
