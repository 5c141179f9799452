"""The synchronous heart of the server: shards over one store, in groups."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter_ns

import structlog

from matcher.domain.decision import Decision, Outcome
from matcher.domain.errors import (
    NearturnError,
    NotOwnerError,
    RequestReusedError,
    UnavailableError,
)
from matcher.domain.ids import TenantId
from matcher.domain.reason import ReasonCode
from matcher.engine.archive import LiveRows
from matcher.engine.changes import Changes
from matcher.engine.commands import Command
from matcher.engine.journal import Checkpoint
from matcher.engine.shard import Shard
from matcher.engine.shard_sizes import ShardSizes
from server.runtime.clock import Clock
from server.runtime.decision_log import log_stored
from server.runtime.limits_of import LimitsOf, same_limits
from server.runtime.ownership import Ownership
from server.runtime.watch import GroupTimes
from server.runtime.work import Done, Work
from server.storage.audit_entry import AuditEntry
from server.storage.lease import FencedError, Lease
from server.storage.store import Store, StoredAnswer

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Answers:
    """
    First answers to request ids: those that are stored, and those of the group.

    With them, what the group adds to the audit log.
    """

    known: dict[tuple[TenantId, str], StoredAnswer] = field(default_factory=dict)
    new: list[StoredAnswer] = field(default_factory=list)
    audited: list[tuple[TenantId, AuditEntry]] = field(default_factory=list)

    def first(self, work: Work) -> StoredAnswer | None:
        """Return the first answer to a request, if there was one."""
        return self.known.get((work.tenant, work.request_id))

    def without(self, tenants: Container[TenantId]) -> _Answers:
        """Return what is left to store without some tenants."""
        return _Answers(
            self.known,
            [each for each in self.new if each.tenant not in tenants],
            [each for each in self.audited if each[0] not in tenants],
        )

    def keep(self, work: Work, value: object, now_us: int) -> None:
        """Keep the answer to a request that has an id."""
        if work.request_id:
            assert isinstance(value, bytes), "an answer that is kept is bytes"
            answer = StoredAnswer(
                work.tenant, work.request_id, work.payload_hash, value, now_us
            )
            self.known[work.tenant, work.request_id] = answer
            self.new.append(answer)


@dataclass(slots=True)
class _Lost:
    """Tenants of a group whose shards have to be built anew, each with the reason."""

    reasons: dict[TenantId, UnavailableError] = field(default_factory=dict)

    def instead_of(self, done: Done, tenant: TenantId) -> Done:
        """Return what came of a piece of work; what broke it stays its own error."""
        reason = self.reasons.get(tenant)
        is_fault = done.error is not None and not isinstance(done.error, NearturnError)
        return done if reason is None or is_fault else Done(error=reason)


class ShardHost:
    """
    Runs work on shards and commits what it changed, many pieces at a time.

    One thread at a time may call :meth:`process`. Memory is never ahead of the
    store: if a group cannot be committed, the shards are built anew from the store and
    nothing of the group has happened. If a piece of work breaks in a way that nobody
    foresaw, or another server has a shard by now, that holds for what the group has of
    that tenant; the rest of it goes on.

    Parameters
    ----------
    store
        Where the shards' rows are.
    clock
        Gives the instant of each group.
    ownership
        Which shards are this process's to build and to write.
    limits
        Of each shard, asked anew before each group.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ownership: Ownership,
        limits: LimitsOf | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ownership = ownership
        self._limits = limits or same_limits()
        self._shards: dict[TenantId, Shard] = {}
        # Those that the shards in memory were built under: one that was lost and taken
        # again is another, and the shard does not know what happened in between.
        self._leases: dict[TenantId, Lease] = {}
        self._tenants: set[TenantId] = set()
        self._sizes: dict[TenantId, ShardSizes] = {}

    def sizes(self) -> dict[TenantId, ShardSizes]:
        """Return what each shard held after its last group; from any thread."""
        # Copied in one go, which no other thread comes between.
        return self._sizes.copy()

    def start(self, tenants: Sequence[TenantId]) -> None:
        """Build the shards of the tenants given, whose leases this process has."""
        for tenant in sorted(tenants):
            self.shard(tenant)
        self._note_sizes(tenants)

    def tenants(self) -> list[TenantId]:
        """Return the tenants that are served, in order."""
        return sorted(each for each in self._tenants if self._ownership.holds(each))

    def shard(self, tenant: TenantId) -> Shard:
        """
        Return the tenant's shard, built from the store if it is not in memory.

        Raises
        ------
        NotOwnerError
            If this process does not have its lease.
        """
        lease = self._ownership.lease(tenant)
        found = self._shards.get(tenant)
        built_under = self._leases.get(tenant)
        if found is None or (built_under is not lease and built_under != lease):
            rows = self._store.load(tenant)
            self._begin_history(tenant, rows)
            found = Shard(
                tenant,
                self._store.archive(tenant),
                rows,
                now_us=self._clock(),
                limits=self._limits(tenant),
            )
            self._shards[tenant] = found
            self._leases[tenant] = lease
            self._tenants.add(tenant)
            log.info(
                "shard_loaded",
                tenant=tenant,
                demand_count=len(rows.demands),
                return_count=len(rows.returns),
            )
        return found

    def _begin_history(self, tenant: TenantId, rows: LiveRows) -> None:
        # A store from before there was a journal: what it held is where replays start.
        if rows.policies or rows.demands or rows.returns or rows.warehouses:
            self._store.history(tenant).begin(self._clock())

    def is_at_rest(self, tenants: Iterable[TenantId]) -> bool:
        """Say whether the tenants' shards are in memory, and nothing in them is due."""
        now_us = self._clock()
        return all(self._is_at_rest(tenant, now_us) for tenant in tenants)

    def _is_at_rest(self, tenant: TenantId, now_us: int) -> bool:
        shard = self._shards.get(tenant)
        try:
            is_ours = self._leases.get(tenant) == self._ownership.lease(tenant)
        except NotOwnerError:
            return False
        if shard is None or not is_ours:
            return False
        due_us = shard.next_us()
        return due_us is None or due_us > now_us

    def process(
        self, group: Sequence[Work], times: GroupTimes | None = None
    ) -> list[Done]:
        """
        Run a group of work in its order and commit it in one transaction.

        ``times`` is filled in.

        Returns
        -------
        list of Done
            One per piece: its value, or why there is none. A piece refused with a
            :class:`NearturnError` leaves the others as they are.
        """
        times = times or GroupTimes((), ())
        times.begun_ns = perf_counter_ns()
        done = self._process(group, times)
        times.ended_ns = perf_counter_ns()
        self._note_sizes({work.tenant for work in group})
        return done

    def _process(self, group: Sequence[Work], times: GroupTimes) -> list[Done]:
        now_us = self._clock()
        answers, lost = _Answers(), _Lost()
        try:
            self._find_answers(group, answers)
            self._hold_at_most({work.tenant for work in group})
            self._expect(group, answers)
            done = []
            for work in group:
                done.append(self._one(work, now_us, answers, lost))
                times.ran_ns.append(perf_counter_ns())
            self._commit(group, answers, lost, times)
        except UnavailableError as error:
            return self._give_up(group, error, times)
        times.is_given_up = all(work.tenant in lost.reasons for work in group)
        return [
            lost.instead_of(each, work.tenant)
            for each, work in zip(done, group, strict=True)
        ]

    def _one(self, work: Work, now_us: int, answers: _Answers, lost: _Lost) -> Done:
        # What breaks is its tenant's alone: of the others' shards it has seen nothing.
        if work.tenant in lost.reasons:
            return Done()
        try:
            return Done(self._value(work, now_us, answers))
        except NotOwnerError as error:
            return Done(error=error)
        except UnavailableError as error:
            self._lose(work.tenant, error, lost)
        except NearturnError as error:
            return Done(error=error)
        except Exception as error:
            if (taken := self._taken(work.tenant)) is not None:
                # Old memory beside rows of a newer owner: no fault of the work.
                self._lose(work.tenant, taken, lost)
                return Done()
            log.exception("work_broke", tenant=work.tenant)
            self._lose(work.tenant, error, lost)
            return Done(error=error)
        return Done()

    def forget_answers(self, before_us: int) -> int:
        """Delete stored answers that are older than ``before_us``."""
        return self._store.forget_answers(before_us)

    def keep_checkpoint(self, tenant: TenantId, checkpoint: Checkpoint) -> None:
        """Store where a replay may start."""
        self._store.history(tenant).keep(checkpoint)

    def forget_history(self, tenant: TenantId, before_us: int) -> int:
        """Drop what only replays need that start before an instant."""
        return self._store.history(tenant).forget(before_us)

    def next_us(self) -> int | None:
        """Return when time alone next changes something in any shard."""
        times = (shard.next_us() for _, shard in self._ours())
        return min((each for each in times if each is not None), default=None)

    def unsettled(self) -> list[TenantId]:
        """Return the tenants whose shards have something due, or have to be built."""
        now_us = self._clock()
        return [each for each in self.tenants() if not self._is_at_rest(each, now_us)]

    def due_us(
        self, only: TenantId | None = None
    ) -> tuple[dict[TenantId, int], dict[TenantId, int]]:
        """
        Return when each tenant's next round is due, and when its shadows are.

        Shadows are asked about by rounds, too: these are those that no round asks.
        """
        ours = list(self._ours(only))
        rounds = {tenant: shard.round_due_us() for tenant, shard in ours}
        shadows = {tenant: shard.shadows_due_us() for tenant, shard in ours}
        return _known(rounds), _known(shadows)

    def _ours(self, only: TenantId | None = None) -> Iterator[tuple[TenantId, Shard]]:
        for tenant in self.tenants() if only is None else [only]:
            # Another server may have taken it this moment: that is no matter of others.
            with suppress(NotOwnerError):
                yield tenant, self.shard(tenant)

    def _hold_at_most(self, tenants: Iterable[TenantId]) -> None:
        # Quotas may have changed since the last group.
        for tenant in tenants:
            shard = self._shards.get(tenant)
            if shard is not None:
                shard.hold_at_most(self._limits(tenant))

    def _find_answers(self, group: Sequence[Work], answers: _Answers) -> None:
        asked: dict[TenantId, set[str]] = {}
        for work in group:
            if work.request_id:
                asked.setdefault(work.tenant, set()).add(work.request_id)
        for tenant, request_ids in asked.items():
            for first in self._store.answers(tenant, request_ids).values():
                answers.known[tenant, first.request_id] = first

    def _expect(self, group: Sequence[Work], answers: _Answers) -> None:
        # Not of repetitions: nothing is looked up for what is not done.
        of_tenant: dict[TenantId, list[Command]] = {}
        for work in group:
            if work.command is not None and answers.first(work) is None:
                of_tenant.setdefault(work.tenant, []).append(work.command)
        for tenant, commands in of_tenant.items():
            with suppress(NotOwnerError):
                self.shard(tenant).expect(commands)

    def _value(self, work: Work, now_us: int, answers: _Answers) -> object:
        first = answers.first(work)
        if first is None:
            value = work.run(self.shard(work.tenant), now_us)
            answers.keep(work, value, now_us)
            answers.audited += [(work.tenant, entry) for entry in work.noted]
            return value
        if first.payload_hash != work.payload_hash:
            raise RequestReusedError(
                work.request_id, first.payload_hash, work.payload_hash
            )
        return first.answer

    def _commit(
        self, group: Sequence[Work], answers: _Answers, lost: _Lost, times: GroupTimes
    ) -> None:
        # Of the group's tenants alone: there may be thousands of others.
        tenants = sorted({work.tenant for work in group})
        changes = [
            (tenant, changed)
            for tenant in tenants
            if (shard := self._shards.get(tenant)) and (changed := shard.take_changes())
        ]
        while True:
            kept = [
                (tenant, each) for tenant, each in changes if tenant in self._shards
            ]
            leases = [self._leases[each] for each in tenants if each in self._shards]
            try:
                self._store_all(kept, answers.without(lost.reasons), leases, times)
                break
            except FencedError as error:
                # The others' shards are theirs still, and their work is as good.
                self._ownership.lost(error.lease)
                self._lose(error.lease.tenant, error, lost)
        for tenant, changed in kept:
            self._shards[tenant].committed()
            times.decided.update(map(_decided, changed.decisions))
            times.rounds.extend(changed.rounds)
            log_stored(tenant, changed)

    def _store_all(
        self,
        changes: Sequence[tuple[TenantId, Changes]],
        answers: _Answers,
        leases: Sequence[Lease],
        times: GroupTimes,
    ) -> None:
        if changes or answers.new or answers.audited:
            self._store.commit(changes, answers.new, leases, answers.audited)
            times.is_stored = True
        else:
            # A refusal is an answer too: memory that is not our own any more
            # must not give one.
            self._ownership.check(leases)

    def _note_sizes(self, tenants: Iterable[TenantId]) -> None:
        for tenant in tenants:
            if (shard := self._shards.get(tenant)) is not None:
                self._sizes[tenant] = shard.sizes()

    def _taken(self, tenant: TenantId) -> UnavailableError | None:
        # Whether another server has the shard by now, or nobody can tell.
        lease = self._leases.get(tenant)
        try:
            self._ownership.check([lease] if lease else [])
        except FencedError as error:
            self._ownership.lost(error.lease)
            return error
        except UnavailableError as error:
            return error
        return None

    def _lose(self, tenant: TenantId, error: BaseException, lost: _Lost) -> None:
        # The next use of the shard builds it from the store.
        self._shards.pop(tenant, None)
        self._sizes.pop(tenant, None)
        lost.reasons[tenant] = (
            error if isinstance(error, FencedError) else _please_retry(error)
        )

    def _give_up(
        self, group: Sequence[Work], error: BaseException, times: GroupTimes
    ) -> list[Done]:
        times.is_given_up = True
        self._shards.clear()
        self._sizes.clear()
        reason = _please_retry(error)
        return [Done(error=reason) for _ in group]


def _please_retry(error: BaseException) -> UnavailableError:
    return UnavailableError(f"please retry with the same ids: {error}")


def _known(times: dict[TenantId, int | None]) -> dict[TenantId, int]:
    return {tenant: at_us for tenant, at_us in times.items() if at_us is not None}


def _decided(decision: Decision) -> tuple[Outcome, tuple[ReasonCode, ...]]:
    return decision.outcome, tuple(reason.code for reason in decision.reasons)
