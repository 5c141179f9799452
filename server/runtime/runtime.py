"""The asynchronous server around the shards: queue, groups, rounds and timers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import TypeVar, cast

import structlog

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import TenantId
from matcher.domain.policy import Policy
from matcher.engine.commands import Tick
from matcher.engine.market_demands import PlannedDemands
from matcher.engine.plan import Plan, plan
from matcher.engine.shard import Shard
from matcher.engine.snapshot import Snapshot
from matcher.solve import Stop
from server.runtime.audit_note import audit_note
from server.runtime.budget import budget
from server.runtime.call import Call, RoundCall
from server.runtime.clock import Clock, monotonic_clock, system_clock
from server.runtime.commits import Commits
from server.runtime.deadline import within_time_left_us
from server.runtime.emitter import Emitter, Streaming
from server.runtime.engine import QUICK_NS, Engine, is_quick
from server.runtime.fair_order import equal_weight
from server.runtime.fair_threads import FairThreads
from server.runtime.hindsight import Hindsight
from server.runtime.limits_of import LimitsOf, same_limits
from server.runtime.options import RuntimeOptions
from server.runtime.ownership import Ownership
from server.runtime.past import Past
from server.runtime.rounds import Rounds
from server.runtime.shard_host import ShardHost
from server.runtime.state import RuntimeState
from server.runtime.tenure import Tenure, Told
from server.runtime.timers import Timers
from server.runtime.watch import GroupTimes, Unwatched, Watch
from server.runtime.work import Done, Work
from server.runtime.work_queue import Queued, WorkQueue
from server.runtime.working_for import set_working_for
from server.storage.audit_entry import AuditEntry
from server.storage.lease import Lease
from server.storage.store import Store

log = structlog.get_logger(__name__)

T = TypeVar("T")

_SECOND_US = 1_000_000


class Runtime:
    """
    Takes calls on the event loop, works one group at a time, answers after commit.

    Groups are carried out on the engine's thread, or on the loop if they are quick;
    :class:`server.runtime.engine.Engine` says when.

    Whatever arrives while a group is being committed forms the next group. Rounds
    are solved on a thread of their own, so that the engine goes on meanwhile.

    Parameters
    ----------
    store
        Where the rows are; closed by :meth:`stop`.
    clock
        Gives the instants.
    limits
        Of each shard, asked anew before each group of work.
    weight
        Share of each tenant in the engine.
    options
        How it works.
    watch
        Is told how work goes.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock = system_clock,
        limits: LimitsOf | None = None,
        weight: Callable[[TenantId], int] = equal_weight,
        options: RuntimeOptions | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.store = store
        self._clock = clock
        self._options = options or RuntimeOptions()
        self._ownership = Ownership(
            store.leases(),
            self._options.holder,
            ttl_us=self._options.lease_ttl_us,
            clock=monotonic_clock,
        )
        self._host = ShardHost(store, clock, self._ownership, limits)
        self._watch = watch or Unwatched()
        self._queue = WorkQueue(self._options.queue_count_max, self._watch, weight)
        self._engine = Engine(may_run_here=self._options.runs_quick_on_loop)
        self._planner = FairThreads(self._options.long_count, 1, "planner")
        self._simulator = FairThreads(1, 1, "simulator")
        self._readers = FairThreads(
            self._options.reader_count, self._options.reads_each_max, "reader"
        )
        self._hindsight = Hindsight(
            Past(store, limits or same_limits(), self._options.threads),
            self._options.replay_budget_us,
        )
        self._rounds = Rounds(self._queue.submit, self._options, self._watch)
        self._commits = Commits()
        self._tenure: Tenure | None = None
        self._worker: asyncio.Task[None] | None = None
        self._timers: list[asyncio.Task[None]] = []
        self._wanted_count = len(set(self._options.tenants))
        self._is_stopping = False
        self._is_watchable = True

    @property
    def threads(self) -> int:
        """Threads that solve."""
        return self._options.threads

    def state(self) -> RuntimeState:
        """Return how it stands; from any thread, and without waiting."""
        held = self._ownership.epochs()
        return RuntimeState(
            self._queue.lengths(), self._wanted_count, held, self._host.sizes()
        )

    def now_us(self) -> int:
        """Return the current instant, microseconds since the epoch."""
        return self._clock()

    async def start(self, told: Told | None = None) -> None:
        """
        Wait until a shard is this server's, load those that are and begin to work.

        What came due while nobody had them is settled first.

        Parameters
        ----------
        told
            Is told whenever they are others, what is left of them or has come to them.
        """
        is_alone = self.store.leases().is_alone
        tenants = set(self._options.tenants)
        if is_alone:
            # Nobody else settles what falls due for the others.
            tenants.update(await self.read(lambda store: store.tenants()))
        self._wanted_count = len(tenants)
        interval_s = self._options.lease_ttl_us / 5 / _SECOND_US
        tenure = Tenure(self._ownership, sorted(tenants), interval_s)
        self._tenure = tenure

        async def begin(gained: Sequence[TenantId]) -> None:
            await self._engine.run(self._host.start, gained)
            await self.settle()

        # Whoever asks meanwhile is refused at once, not kept waiting.
        self._worker = asyncio.create_task(self._work(), name="work")
        await tenure.start(begin)
        tasks = [] if is_alone else [tenure.keep(begin, told or _to_nobody)]
        if self._options.runs_timers:
            tasks += Timers(self, self._clock, self._options).loops()
        self._timers = [asyncio.create_task(each) for each in tasks]

    def refuse_streams(self) -> None:
        """Let whoever waits for decisions know that the server stops."""
        self._is_watchable = False
        self._commits.tell_all()

    async def stop(self) -> None:
        """
        Refuse new calls, finish and commit what was accepted, close the store.

        Calls that are still waiting when this begins are carried out, a round that
        is being solved included.
        """
        self._is_stopping = True
        self._hindsight.stop()
        self.refuse_streams()
        await _cancel(self._timers)
        await self._rounds.end()
        await self._queue.empty()
        await _cancel([self._worker] if self._worker else [])
        if self._tenure is not None:
            await self._tenure.end()
            self._tenure = None
        for threads in (
            self._rounds,
            self._planner,
            self._simulator,
            self._hindsight,
            self._readers,
        ):
            await threads.shutdown()
        await self._engine.stop()
        self.store.close()

    def advertise(self, address: str) -> None:
        """Say where callers find this server; before :meth:`start`."""
        self._ownership.address = address

    def lease(self, tenant: TenantId) -> Lease:
        """
        Return the lease under which this server writes for a tenant.

        Raises
        ------
        NotOwnerError
            If it has none.
        """
        return self._ownership.lease(tenant)

    async def read(self, fn: Callable[[Store], T]) -> T:
        """Run ``fn`` on a reader thread; it sees committed rows only."""
        return await self._readers.run(fn, self.store)

    async def write(self, fn: Callable[[Store], T]) -> T:
        """Run ``fn`` between two groups, on the one thread that writes."""
        return await self._engine.run(fn, self.store)

    def next_commit(self, tenant: TenantId) -> asyncio.Event:
        """
        Return what is set after the next group with work of a tenant.

        Whoever reads asks for it first.
        """
        return self._commits.next(tenant)

    async def look_back(self, fn: Callable[[Past, Stop], T]) -> T:
        """
        Run ``fn``, which lives a part of the past again, on a thread of its own.

        One at a time, so that memory is bounded and reads go on beside it.

        Raises
        ------
        LimitExceededError
            If it takes longer than the budget.
        UnavailableError
            If the server stops meanwhile.
        """
        return await self._hindsight.look_back(fn)

    async def execute(self, call: Call) -> bytes:
        """
        Carry out a command and return its answer once it is stored.

        Raises
        ------
        NearturnError
            As the command says; RequestReusedError if its request id was used for
            something else; UnavailableError if it could not be stored.
        """
        noted: list[AuditEntry] = []

        def run(shard: Shard, now_us: int) -> bytes:
            before = shard.policy.version if shard.policy else 0
            answer = shard.apply(call.command, now_us)
            entry = audit_note(call.command, answer, call.subject, before, now_us)
            noted.extend([entry] if entry else [])
            return call.encode(answer)

        return await self.carry_out(
            Work(
                call.tenant,
                run,
                call.request_id,
                call.payload_hash,
                call.command,
                noted,
                is_quick(call.command),
            )
        )

    async def carry_out(self, work: Work) -> bytes:
        """Run work whose value is a response, and return that once it is stored."""
        self._refuse_if_stopping()
        return cast(bytes, await self._queue.call(work))

    async def note(self, tenant: TenantId, entries: Sequence[AuditEntry]) -> None:
        """
        Add entries to the audit log, and return once they are stored.

        Raises
        ------
        UnavailableError
            If they could not be, or the shard is another server's.
        """
        self._refuse_if_stopping()
        await self._queue.call(Work(tenant, lambda _, now: now, noted=list(entries)))

    async def run_round(self, call: RoundCall) -> bytes:
        """
        Close a round over the tenant's pool and return its summary once stored.

        Rounds of a tenant run one after the other. One that has begun ends, whoever
        gives up, and is solved in the time that its caller has left.

        Raises
        ------
        NearturnError
            As :meth:`execute` says.
        """
        self._refuse_if_stopping()
        self._queue.admit(call.tenant)

        def is_answered(store: Store) -> bool:
            return store.answer(call.tenant, call.request_id) is not None

        return await self._rounds.run(call, lambda: self.read(is_answered))

    async def plan(
        self,
        snapshot: Snapshot,
        policy: Policy,
        now_us: int,
        *,
        demands: PlannedDemands | None = None,
    ) -> Plan:
        """Plan once over a snapshot, on a thread of its own."""
        self._refuse_if_stopping()
        place = await self._planner.place()
        with budget(within_time_left_us(self._options.solve_budget_us)) as stop:
            return await place.run(
                partial(
                    plan,
                    snapshot,
                    policy,
                    now_us=now_us,
                    threads=self._options.threads,
                    stop=stop,
                    demands=demands,
                ),
            )

    async def stream(self, work: Streaming[T]) -> AsyncIterator[T]:
        """
        Yield what long work emits, which runs on a thread of its own.

        One at a time, and tenants in turn; emitting waits for whoever reads. Work that
        nobody reads any more, or that the server would have to wait for when it stops,
        ends where it next emits or pauses.
        """
        self._refuse_if_stopping()
        emitter = Emitter[T](asyncio.get_running_loop(), lambda: self._is_stopping)
        running = asyncio.ensure_future(
            self._simulator.run(emitter.run, work, self.store)
        )
        try:
            async for item in emitter.items():
                yield item
        finally:
            await emitter.abandon()
            await asyncio.wait([running])
            error = running.exception()
        if error is not None:
            raise error

    async def wait_for_decisions(self, tenant: TenantId, after_sequence: int) -> None:
        """
        Return when the tenant's log holds more than ``after_sequence`` decisions.

        Raises
        ------
        UnavailableError
            If the server stops meanwhile.
        """
        while True:
            if not self._is_watchable:
                raise UnavailableError("the server is stopping")
            grown = self._commits.next(tenant)
            if await self.read(
                lambda store: store.decisions_after(tenant, after_sequence, 1)
            ):
                return
            await grown.wait()

    async def tick(self) -> None:
        """Settle what time has settled, and run the rounds that are due."""
        await self.settle()
        for tenant in await self.due():
            await self.run_due(tenant)

    async def settle(self) -> None:
        """Settle what time has settled; trouble with one shard leaves the others."""
        works = [
            Work(tenant, lambda shard, now: shard.apply(Tick(), now))
            for tenant in await self._engine.run(self._host.unsettled)
        ]
        settling = (self._queue.submit(work) for work in works)
        for ended in await asyncio.gather(*settling, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    async def due(self) -> list[TenantId]:
        """Return whose round is due, or whose shadows are to be asked about."""
        rounds, shadows = await self._engine.run(self._host.due_us)
        now_us = self._clock()
        due_us = [*rounds.items(), *shadows.items()]
        return sorted({tenant for tenant, at_us in due_us if at_us <= now_us})

    async def run_due(self, tenant: TenantId) -> None:
        """Run a tenant's round and ask about its shadows, as far as they are due."""
        rounds, _ = await self._engine.run(self._host.due_us, tenant)
        if tenant in rounds and rounds[tenant] <= self._clock():
            await self.run_round(RoundCall(tenant, lambda _: b""))
        _, shadows = await self._engine.run(self._host.due_us, tenant)
        if tenant in shadows and shadows[tenant] <= self._clock():
            await self.ask_shadows(tenant)

    async def next_us(self) -> int | None:
        """Return when time alone next changes something in any shard."""
        return await self._engine.run(self._host.next_us)

    async def forget_answers(self, before_us: int) -> None:
        """Delete stored answers to request ids that are older than an instant."""
        await self._engine.run(self._host.forget_answers, before_us)

    def tenants(self) -> list[TenantId]:
        """Return the tenants that are served, in order."""
        return self._host.tenants()

    async def ask_shadows(self, tenant: TenantId) -> None:
        """Ask what shadows would have had, between rounds; nobody else is touched."""
        await self._rounds.ask_shadows(tenant)

    async def keep_history(self, tenant: TenantId) -> None:
        """Make a checkpoint if one is due, and drop what is older than is kept."""
        set_working_for(tenant)
        now_us = self._clock()
        before_us = now_us - self._options.checkpoint_us
        entries = self._options.checkpoint_entries
        if await self.read(
            lambda store: store.history(tenant).is_due(before_us, entries)
        ):
            # No round may be under way: a replay could not finish what it never began.
            async with self._rounds.between(tenant):
                # Behind what a caller that gave up has left in the queue.
                await self._queue.submit(Work(tenant, lambda _, now: now))
                made = await self.read(
                    lambda store: store.history(tenant).checkpoint(now_us)
                )
            await self._engine.run(self._host.keep_checkpoint, tenant, made)
        first_us = now_us - self._options.history_us
        await self._engine.run(self._host.forget_history, tenant, first_us)

    async def _work(self) -> None:
        while True:
            group = await self._queue.group(self._options.group_count_max)
            works = [each.work for each in group]
            times = GroupTimes(
                [each.queued_ns for each in group],
                [each.origin for each in group],
                [each.tenant for each in works],
            )
            try:
                run = (
                    self._engine.run_quick
                    if self._is_quick(group)
                    else self._engine.run
                )
                results = await run(self._host.process, works, times)
            except Exception as error:
                log.exception("group_broke")
                results = [Done(error=error) for _ in group]
            self._queue.end(group, results, times)
            self._commits.tell({work.tenant for work in works})
            self._watch.group(times)

    def _refuse_if_stopping(self) -> None:
        if self._is_stopping:
            raise UnavailableError("the server is stopping")

    def _is_quick(self, group: Sequence[Queued]) -> bool:
        return (
            all(each.work.is_quick for each in group)
            and sum(each.charged_ns for each in group) <= QUICK_NS
            and self._host.is_at_rest({each.work.tenant for each in group})
        )


async def _to_nobody(_: frozenset[TenantId]) -> None:
    return


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
