"""The synchronous heart of the server: shards over one store, in groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from matcher.engine.commands import Command
from matcher.engine.journal import Checkpoint
from matcher.engine.limits import ShardLimits
from matcher.engine.shard import Shard
from matcher.engine.shard_sizes import ShardSizes
from server.runtime.clock import Clock
from server.runtime.decision_log import log_stored
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

    def keep(self, work: Work, value: object, now_us: int) -> None:
        """Keep the answer to a request that has an id."""
        if work.request_id:
            assert isinstance(value, bytes), "an answer that is kept is bytes"
            answer = StoredAnswer(
                work.tenant, work.request_id, work.payload_hash, value, now_us
            )
            self.known[work.tenant, work.request_id] = answer
            self.new.append(answer)


class ShardHost:
    """
    Runs work on shards and commits what it changed, many pieces at a time.

    One thread at a time may call :meth:`process`. Memory is never ahead of the
    store: if a group cannot be committed, or a piece of work breaks in a way that
    nobody foresaw, the shards are built anew from the store and nothing of the
    group has happened.

    Parameters
    ----------
    store
        Where the shards' rows are.
    clock
        Gives the instant of each group.
    ownership
        Which shards are this process's to build and to write.
    limits
        Of every shard.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ownership: Ownership,
        limits: ShardLimits | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ownership = ownership
        self._limits = limits or ShardLimits()
        self._shards: dict[TenantId, Shard] = {}
        # Those that the shards in memory were built under: one that was lost and taken
        # again is another, and the shard does not know what happened in between.
        self._leases: dict[TenantId, Lease] = {}
        self._tenants: set[TenantId] = set()
        self._sizes: dict[TenantId, ShardSizes] = {}

    def sizes(self) -> dict[TenantId, ShardSizes]:
        """Return what each shard held after its last group; from any thread."""
        return self._sizes

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
                limits=self._limits,
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
        done: list[Done] = []
        answers = _Answers()
        try:
            self._find_answers(group, answers)
            self._expect(group, answers)
        except UnavailableError as error:
            return self._give_up(group, error, times)
        for index, work in enumerate(group):
            try:
                done.append(Done(self._value(work, now_us, answers)))
            except NotOwnerError as error:
                done.append(Done(error=error))
            except UnavailableError as error:
                return self._give_up(group, error, times)
            except NearturnError as error:
                done.append(Done(error=error))
            except Exception as error:
                if (lost := self._lost(work.tenant)) is not None:
                    # Old memory beside rows of a newer owner: no fault of the work.
                    return self._give_up(group, lost, times)
                log.exception("work_broke", tenant=work.tenant)
                given_up = self._give_up(group, error, times)
                given_up[index] = Done(error=error)
                return given_up
            times.ran_ns.append(perf_counter_ns())
        try:
            self._commit({work.tenant for work in group}, answers, times)
        except UnavailableError as error:
            return self._give_up(group, error, times)
        return done

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
        times = (self.shard(tenant).next_us() for tenant in self.tenants())
        return min((each for each in times if each is not None), default=None)

    def rounds_due_us(self) -> dict[TenantId, int]:
        """Return when the next round of each tenant is due, where one is."""
        times = (
            (tenant, self.shard(tenant).round_due_us()) for tenant in self.tenants()
        )
        return {tenant: due for tenant, due in times if due is not None}

    def shadows_due_us(self) -> dict[TenantId, int]:
        """Return when shadows are to be asked about, where no round does it."""
        times = (
            (tenant, self.shard(tenant).shadows_due_us()) for tenant in self.tenants()
        )
        return {tenant: due for tenant, due in times if due is not None}

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
        self, tenants: set[TenantId], answers: _Answers, times: GroupTimes
    ) -> None:
        changes = [
            (tenant, shard.take_changes())
            for tenant, shard in sorted(self._shards.items())
        ]
        changes = [(tenant, changed) for tenant, changed in changes if changed]
        used = {*tenants, *(tenant for tenant, _ in changes)}
        leases = [self._leases[each] for each in sorted(used) if each in self._shards]
        try:
            if changes or answers.new or answers.audited:
                self._store.commit(changes, answers.new, leases, answers.audited)
                times.is_stored = True
            else:
                # A refusal is an answer too: memory that is not our own any more
                # must not give one.
                self._ownership.check(leases)
        except FencedError as error:
            self._ownership.lost(error.lease)
            raise
        for tenant, changed in changes:
            self._shards[tenant].committed()
            times.decided.update(map(_decided, changed.decisions))
            times.rounds.extend(changed.rounds)
            log_stored(tenant, changed)

    def _note_sizes(self, tenants: Iterable[TenantId]) -> None:
        # Another dictionary each time: readers on other threads need no lock.
        shards = ((each, self._shards.get(each)) for each in tenants)
        noted = {tenant: shard.sizes() for tenant, shard in shards if shard is not None}
        kept = {each: self._sizes[each] for each in self._sizes if each in self._shards}
        self._sizes = {**kept, **noted}

    def _lost(self, tenant: TenantId) -> UnavailableError | None:
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

    def _give_up(
        self, group: Sequence[Work], error: BaseException, times: GroupTimes
    ) -> list[Done]:
        # The next use of a shard builds it from the store.
        times.is_given_up = True
        self._shards.clear()
        reason = UnavailableError(f"please retry with the same ids: {error}")
        taken = error.lease.tenant if isinstance(error, FencedError) else None
        return [Done(error=error if work.tenant == taken else reason) for work in group]


def _decided(decision: Decision) -> tuple[Outcome, tuple[ReasonCode, ...]]:
    return decision.outcome, tuple(reason.code for reason in decision.reasons)
