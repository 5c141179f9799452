"""The shard of a tenant: commands in, answers and changed rows out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from matcher.domain.errors import (
    LimitExceededError,
    NearturnError,
    StateConflictError,
)
from matcher.domain.etag import check_etag
from matcher.domain.ids import DemandId, ReturnId, TenantId
from matcher.domain.lifecycle import RETURNS
from matcher.domain.mode import Mode
from matcher.domain.policy import Policy
from matcher.domain.program import Pause
from matcher.domain.reason import Reason, ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.domain.trigger import Trigger
from matcher.engine.answers import Answer, ReturnAnswer
from matcher.engine.archive import Archive, LiveRows
from matcher.engine.changes import Changes
from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    Command,
    ConfirmMatch,
    CreatePolicy,
    DeleteDropOffPoint,
    ErasePersonalData,
    ExtendMatch,
    RecordLabel,
    RecordOutcome,
    RecordVerification,
    ReleaseMatch,
    ReleaseMatches,
    Setting,
    SubmitReturns,
    Tick,
    UpsertDemands,
    UpsertDropOffPoint,
)
from matcher.engine.demand_book import DemandBook
from matcher.engine.drop_off_book import DropOffBook
from matcher.engine.eraser import Eraser
from matcher.engine.gate_keeper import GateKeeper
from matcher.engine.guardrail_book import GuardrailBook
from matcher.engine.journal import Event, RoundBegan, ShadowsBegan
from matcher.engine.ledger import Entering, Ledger
from matcher.engine.limit_book import LimitBook
from matcher.engine.limits import FULL_RETRY_S, ShardLimits, with_counts_of
from matcher.engine.match_book import MatchBook
from matcher.engine.network import Network
from matcher.engine.network_book import DAY_US, NetworkBook
from matcher.engine.obstacles import is_limited
from matcher.engine.open_demands import OpenDemands
from matcher.engine.policy_book import PolicyBook
from matcher.engine.promises import Promises
from matcher.engine.records import ReturnRecord, RoundRecord
from matcher.engine.return_book import Case, ReturnBook, canonical
from matcher.engine.round_clock import RoundClock
from matcher.engine.round_task import RoundTask, SolvedRound
from matcher.engine.rounds import Rounds
from matcher.engine.settings import apply_setting
from matcher.engine.shadow_book import ShadowBook
from matcher.engine.shadow_rounds import ShadowTask, SolvedShadows
from matcher.engine.shard_sizes import ShardSizes
from matcher.engine.sku_book import SkuBook
from matcher.engine.submission import fresh_items, refused_items
from matcher.policy.wording import stated


class Shard:
    """
    State machine of one tenant's matching.

    Commands and rounds are given one at a time, each with the instant at which it
    happens; an instant before the last one counts as the last one. A command that
    raises has changed nothing. What it changed otherwise is handed over by
    :meth:`take_changes`; the caller stores it, then says :meth:`committed`, and only
    then answers. If it cannot be stored, the shard is of no more use: build another
    from the store.

    Parameters
    ----------
    tenant
        Whose shard it is.
    archive
        Look-ups of committed rows that the shard does not keep.
    rows
        What the store held.
    now_us
        Instant of the start, microseconds since the epoch.
    limits
        What it holds at most.
    """

    def __init__(
        self,
        tenant: TenantId,
        archive: Archive,
        rows: LiveRows,
        *,
        now_us: int,
        limits: ShardLimits | None = None,
    ) -> None:
        # What counts were last taken from; whoever gives them mostly gives the same.
        self._counts_of = self._limits = limits or ShardLimits()
        self._tenant = tenant
        self._now_us = now_us
        self._ledger = Ledger(archive, rows)
        self._policies = PolicyBook(self._ledger, rows)
        self._guardrails = GuardrailBook(self._ledger, rows, self._policies)
        self._network = NetworkBook(self._ledger, rows)
        self._drop_off = DropOffBook(self._ledger, rows)
        self._open = OpenDemands(self._network.network)
        skus = SkuBook(self._ledger, rows)
        self._demands = DemandBook(self._ledger, self._open, skus, self._limits)
        self._demands.load(rows)
        self._matches = MatchBook(
            self._ledger, self._demands, LimitBook(self._ledger, rows), rows.matches
        )
        gates = GateKeeper(tenant, self._policies, self._network)
        self._shadows = ShadowBook(self._ledger, gates, self._limits, rows, now_us)
        self._returns = ReturnBook(
            self._ledger,
            gates,
            self._policies,
            self._network,
            skus,
            self._limits.decide_margin_us,
            self._shadows,
        )
        self._returns.load(rows.returns)
        self._rounds = Rounds(
            self._ledger,
            self._demands,
            self._open,
            self._returns,
            self._matches,
            self._policies,
            self._network,
            self._limits,
        )
        self._eraser = Eraser(
            self._ledger, self._returns, self._demands, self._policies.program
        )
        self._clock = RoundClock(
            now_us, self._limits.round_lead_us, follower=self._shadows.clock
        )
        self._promises = Promises(
            self._demands,
            self._returns,
            self._matches,
            self._policies,
            self._guardrails,
            self._clock,
            self._limits.decide_margin_us,
        )
        self._enter_pool(self._returns.waiting())
        self._planning_failed = False

    def expect(self, commands: Iterable[Command]) -> None:
        """
        Look up what commands are about to name, all in one go.

        Only saves time: each command finds the same without it.
        """
        demands: dict[DemandId, None] = {}
        returns: dict[ReturnId, None] = {}
        for command in commands:
            match command:
                case UpsertDemands():
                    ids = (demand.demand_id for demand in command.demands)
                    demands.update(dict.fromkeys(ids))
                case SubmitReturns():
                    for item in command.items:
                        returns[item.return_id] = None
                case ErasePersonalData():
                    returns.update(dict.fromkeys(command.return_ids))
                    demands.update(dict.fromkeys(command.demand_ids))
                case RecordOutcome() if command.return_id:
                    returns[command.return_id] = None
                case _:
                    pass
        self._demands.expect(demands)
        self._returns.expect(returns)

    def hold_at_most(self, limits: ShardLimits) -> None:
        """Take other counts for what may be held; what is held already stays."""
        if limits is self._counts_of:
            return
        self._counts_of = limits
        self._limits = with_counts_of(limits, self._limits)
        self._demands.hold_at_most(self._limits)

    def apply(self, command: Command, now_us: int) -> Answer:
        """
        Settle what time has settled, then carry out a command.

        Returns
        -------
        Answer
            As listed in :mod:`matcher.engine.answers`.

        Raises
        ------
        NearturnError
            As the command's book says; the command has changed nothing then.
        """
        now_us = self._settle(now_us)
        with self._entering(command, now_us):
            return self._apply(command, now_us)

    def refused(
        self, command: UpsertDemands | SubmitReturns, now_us: int
    ) -> dict[int, NearturnError]:
        """Return what `apply` would not take of a command, by place, and why."""
        now_us = self._settle(now_us)
        if isinstance(command, UpsertDemands):
            found = self._demands.refused(command, now_us)
        else:
            ids = [item.return_id for item in command.items]
            found = refused_items(command, self._returns.find_all(ids), now_us)
        # Nothing came of it, so that no entry of the journal is to know of it.
        self._ledger.archive.forget()
        return found

    def _apply(self, command: Command, now_us: int) -> Answer:
        match command:
            case Tick():
                return None
            case UpsertDemands():
                records = self._demands.upsert(command, now_us)
                self._clock.changed()
                return records
            case CancelDemand():
                return self._demands.cancel(command.demand_id, command.etag, now_us)
            case SubmitReturns():
                return self._submit(command, now_us)
            case RecordVerification():
                return self._record_verification(command, now_us)
            case ErasePersonalData():
                return self._eraser.erase(command, now_us)
            case UpsertDropOffPoint() | DeleteDropOffPoint():
                return self._drop_off.apply(command)
            case (
                CancelReturn()
                | ConfirmMatch()
                | ExtendMatch()
                | RecordLabel()
                | RecordOutcome()
                | ReleaseMatch()
                | ReleaseMatches()
            ):
                return self._promises.apply(command, now_us)
            case _:
                return self._apply_setting(command, now_us)

    def begin_round(self, now_us: int) -> RoundTask:
        """
        Begin a round; the caller has it solved and brings it to `finish_round`.

        Raises
        ------
        StateConflictError
            If no policy is active.
        LimitExceededError
            If there are more pairs in reach than a round may hold.
        """
        now_us = self._settle(now_us)
        policy = self._policies.active
        if policy is None:
            raise StateConflictError(
                "tenant",
                self._tenant,
                "without a policy",
                "a round",
                "an active policy",
            )
        self._clock.began(now_us)
        with self._entering(RoundBegan(), now_us):
            task = self._rounds.begin(policy, now_us)
        for return_id in task.routed_ids:
            self._clock.left(return_id)
        return task

    def finish_round(self, solved: SolvedRound, now_us: int) -> RoundRecord:
        """Make the promises of a solved round that still can be made."""
        now_us = self._settle(now_us)
        with self._entering(solved.event, now_us):
            record = self._rounds.finish(solved, now_us)
        for then in solved.task.records:
            now = self._returns.live(then.item.return_id)
            if now is None or now.state is not ReturnState.WAITING:
                self._clock.left(then.item.return_id)
        if record.dropped_count:
            self._clock.changed()
        if is_limited(record.reason_counts):
            # Another day has places again.
            self._clock.again((record.started_us // DAY_US + 1) * DAY_US)
        self._planning_failed = False
        return record

    def begin_shadows(self, now_us: int) -> ShadowTask:
        """
        Take the open shadows along; what they would have had is for `finish_shadows`.

        Raises
        ------
        StateConflictError
            If no policy is active.
        """
        now_us = self._settle(now_us)
        policy = self._policies.active
        if policy is None:
            raise StateConflictError(
                "tenant",
                self._tenant,
                "without a policy",
                "shadows",
                "an active policy",
            )
        self._shadows.clock.began(now_us)
        with self._entering(ShadowsBegan(), now_us):
            return self._rounds.begin_shadows(policy, now_us)

    def finish_shadows(self, solved: SolvedShadows, now_us: int) -> None:
        """Note what shadows would have had; nothing else changes."""
        now_us = self._settle(now_us)
        with self._entering(solved.event, now_us):
            self._rounds.finish_shadows(solved, now_us)

    def round_failed(self) -> None:
        """Note that a round could not be solved: the warehouse takes over in time."""
        self._planning_failed = True
        self._clock.changed()

    def take_changes(self) -> Changes:
        """Hand over what changed since the last call."""
        return self._ledger.take_changes()

    def committed(self) -> None:
        """Note that all that was handed over is stored."""
        self._ledger.committed()
        self._demands.committed()
        self._matches.committed()
        self._returns.committed()

    @property
    def policy(self) -> Policy | None:
        """The version in force; without one nothing is matched."""
        return self._policies.active

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """What of the program is paused."""
        return self._policies.program.pauses

    @property
    def network(self) -> Network:
        """Warehouses and service areas as they stand."""
        return self._network.network

    def sizes(self) -> ShardSizes:
        """Return how much it holds."""
        policy = self._policies.active
        cap = policy.volume_cap if policy else None
        volume = self._policies.volume
        eligible, admitted = volume.counts(cap, self._now_us) if cap else (0, 0)
        return ShardSizes(
            waiting_count=len(self._returns) - len(self._matches),
            hold_count=len(self._matches),
            demand_count=len(self._demands),
            indexed_count=len(self._open),
            index_bytes=self._open.index_bytes,
            shadow_count=len(self._shadows),
            policy_version=policy.version if policy else 0,
            cap_basis_points=cap.basis_points if cap else 0,
            eligible_count=eligible,
            admitted_count=admitted,
        )

    def round_due_us(self) -> int | None:
        """Return when the next round is due; ``None`` until something changes."""
        policy = self._policies.active
        return self._clock.due_us(policy, len(self._returns)) if policy else None

    def shadows_due_us(self) -> int | None:
        """
        Return when shadows are to be asked about between rounds.

        ``None`` while a round is due: it asks about them too.
        """
        policy = self._policies.active
        if policy is None or self.round_due_us() is not None:
            return None
        return self._shadows.clock.due_us(policy, len(self._shadows))

    def next_us(self) -> int | None:
        """Return when time alone next changes something, rounds left aside."""
        soonest = None
        for book in (self._matches, self._demands, self._returns, self._shadows):
            at_us = book.next_us()
            if at_us is not None and (soonest is None or at_us < soonest):
                soonest = at_us
        return soonest

    def _settle(self, now_us: int) -> int:
        # A clock that jumps back must not revive what has run out.
        self._now_us = now_us = max(now_us, self._now_us)
        next_us = self.next_us()
        if next_us is None or next_us > now_us:
            return now_us
        with self._entering(Tick(), now_us):
            self._settle_all(now_us)
        return now_us

    def _settle_all(self, now_us: int) -> None:
        expired = self._matches.expire(now_us)
        freed = self._returns.freed(expired, ReasonCode.HOLD_EXPIRED, now_us)
        self._enter_pool(answer.record for answer in freed)
        # A unit that is free again may suit another item, even if its own goes.
        if self._demands.expire(now_us) or expired:
            self._clock.changed()
        happened: tuple[Reason, ...] = ()
        if self._planning_failed:
            happened = (stated(ReasonCode.PLANNING_UNAVAILABLE),)
        for answer in self._returns.overdue(now_us, happened):
            self._clock.left(answer.record.item.return_id)
        self._guardrails.count_holds(
            [answer.record.item.category for answer in freed], now_us, expired=True
        )
        active = self._policies.active
        self._shadows.expire(active.version if active else 0, now_us)

    def _empty_pool_in_shadow(self, now_us: int) -> None:
        # Nobody waits for what will not come.
        policy = self._policies.active
        if policy is not None and policy.mode is Mode.SHADOW:
            cases = [Case(each) for each in canonical(self._returns.waiting())]
            for answer in self._returns.decide(cases, now_us):
                self._clock.left(answer.record.item.return_id)

    def _entering(self, event: Event, now_us: int) -> Entering:
        return self._ledger.entering(
            event, now_us, is_planning_down=self._planning_failed
        )

    def _apply_setting(self, command: Setting, now_us: int) -> Answer:
        answer = apply_setting(
            command, self._policies, self._guardrails, self._network, now_us
        )
        if isinstance(command, CreatePolicy):
            return answer
        self._empty_pool_in_shadow(now_us)
        self._clock.changed()
        self._open.set_network(self._network.network)
        return answer

    def _submit(self, command: SubmitReturns, now_us: int) -> tuple[ReturnAnswer, ...]:
        known = self._returns.find_all(item.return_id for item in command.items)
        fresh = fresh_items(command, known, now_us)
        total = len(self._returns) + len(fresh)
        if fresh and total > self._limits.pool_count_max:
            maximum = self._limits.pool_count_max
            raise LimitExceededError("pool_count_max", total, maximum, FULL_RETRY_S)
        entered = self._returns.enter(fresh, now_us)
        self._enter_pool(answer.record for answer in entered)
        by_id = {answer.record.item.return_id: answer for answer in entered}
        return tuple(
            by_id.get(item.return_id) or self._returns.answer(known[item.return_id])
            for item in command.items
        )

    def _record_verification(
        self, command: RecordVerification, now_us: int
    ) -> ReturnAnswer:
        record = self._returns.find(command.return_id)
        if record.item.verification == command.verification:
            return self._returns.answer(record)
        return_id = command.return_id
        check_etag("return", return_id, str(record.version), command.etag)
        RETURNS.check(return_id, record.state, Trigger.VERIFY)
        item = replace(record.item, verification=command.verification)
        answers = self._returns.decide([Case(replace(record, item=item))], now_us)
        self._enter_pool([answers[0].record])
        return answers[0]

    def _enter_pool(self, records: Iterable[ReturnRecord]) -> None:
        self._clock.decided(records, self._limits.decide_margin_us)
