"""Rounds of all tenants: begun and finished by the engine, solved beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

import structlog

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import TenantId
from matcher.engine.records import RoundRecord
from matcher.engine.round_task import RoundTask, SolvedRound, solve_round
from matcher.engine.shadow_rounds import ShadowTask, solve_shadows
from matcher.engine.shard import Shard
from matcher.engine.stages import Stage, Stages
from server.runtime.budget import budget
from server.runtime.call import RoundCall
from server.runtime.deadline import within_time_left_us
from server.runtime.fair_threads import FairThreads
from server.runtime.options import RuntimeOptions
from server.runtime.watch import Watch
from server.runtime.work import Work
from server.runtime.working_for import set_working_for

log = structlog.get_logger(__name__)

_SECOND_US = 1_000_000

# Budgets after which a solver that has not answered counts as down.
_LATE = 2


class Rounds:
    """
    Runs rounds, those of a tenant one after the other, on a solver's threads.

    Parameters
    ----------
    submit
        Has the engine do a piece of work, and returns its value once it is stored.
    options
        Threads and budget of a solve.
    watch
        Is told of each round and its stages.
    """

    def __init__(
        self,
        submit: Callable[[Work], Awaitable[object]],
        options: RuntimeOptions,
        watch: Watch,
    ) -> None:
        self._submit = submit
        self._options = options
        self._watch = watch
        # A long round of one tenant leaves a thread to the others.
        self._solver = FairThreads(options.long_count, 1, "solver")
        self._locks: dict[TenantId, asyncio.Lock] = {}
        # Held here: the event loop itself forgets tasks that nobody knows.
        self._running: set[asyncio.Task[bytes]] = set()

    def between(self, tenant: TenantId) -> asyncio.Lock:
        """Return what to hold so that no round of a tenant is under way."""
        return self._locks.setdefault(tenant, asyncio.Lock())

    async def run(
        self, call: RoundCall, is_answered: Callable[[], Awaitable[bool]]
    ) -> bytes:
        """
        Close a round over the tenant's pool and return its summary once stored.

        ``is_answered`` says whether its request id has an answer already, which is
        given then without another round.
        """
        lock = self.between(call.tenant)
        # Whoever gives up here has begun nothing.
        await lock.acquire()
        running = asyncio.create_task(self._begun(call, is_answered))
        self._running.add(running)

        def ended(_: asyncio.Task[bytes]) -> None:
            self._running.discard(running)
            lock.release()
            if not running.cancelled():
                # Its caller may have given up: nobody else looks.
                running.exception()

        running.add_done_callback(ended)
        return await asyncio.shield(running)

    async def _begun(
        self, call: RoundCall, is_answered: Callable[[], Awaitable[bool]]
    ) -> bytes:
        set_working_for(call.tenant)
        if call.request_id and await is_answered():
            return cast(bytes, await self._submit(_repeat(call)))
        with self._watch.round() as stages:
            return await self._round(call, stages)

    async def _round(self, call: RoundCall, stages: Stages) -> bytes:
        def begin(shard: Shard, now_us: int) -> tuple[Shard, RoundTask]:
            with stages(Stage.COLLECT):
                return shard, shard.begin_round(now_us)

        begun, task = cast(
            tuple[Shard, RoundTask], await self._submit(Work(call.tenant, begin))
        )
        solved = await self._solved(call.tenant, task, stages)

        def finish(shard: Shard, now_us: int) -> bytes:
            with stages(Stage.FINISH):
                return call.encode(_finish_on(shard, begun, solved, now_us))

        work = Work(call.tenant, finish, call.request_id, call.payload_hash)
        return cast(bytes, await self._submit(work))

    async def ask_shadows(self, tenant: TenantId) -> None:
        """Ask what shadows would have had, between rounds; nobody else is touched."""
        set_working_for(tenant)
        async with self.between(tenant):
            begun, task = cast(
                tuple[Shard, ShadowTask],
                await self._submit(
                    Work(tenant, lambda shard, now: (shard, shard.begin_shadows(now)))
                ),
            )
            place = await self._solver.place()
            with budget(self._options.solve_budget_us) as stop:
                threads = self._options.threads
                solve = partial(solve_shadows, task, None, threads=threads, stop=stop)
                solved = await place.run(solve)

            def run(shard: Shard, now_us: int) -> None:
                if shard is begun:
                    shard.finish_shadows(solved, now_us)

            await self._submit(Work(tenant, run))

    async def end(self) -> None:
        """Return once no round is under way."""
        for lock in self._locks.values():
            async with lock:
                pass

    async def shutdown(self) -> None:
        """Wait for the solver's threads to end."""
        await self._solver.shutdown()

    async def _solved(
        self, tenant: TenantId, task: RoundTask, stages: Stages
    ) -> SolvedRound:
        late = asyncio.create_task(self._note_late(tenant))
        try:
            # Its time begins when it is handed to the solver, not while others solve.
            place = await self._solver.place()
            with budget(within_time_left_us(self._options.solve_budget_us)) as stop:
                threads = self._options.threads
                solve = partial(
                    solve_round, task, threads=threads, stop=stop, stages=stages
                )
                solved = await place.run(solve)
        except Exception:
            log.exception("round_not_solved", tenant=tenant)
            await self._submit(Work(tenant, lambda shard, _: shard.round_failed()))
            raise
        finally:
            late.cancel()
        if solved.shadows.solved is None:
            log.warning("shadows_not_asked", tenant=tenant)
        if gap := solved.solved.assignment.gap:
            log.warning(
                "round_not_proven_optimal",
                tenant=tenant,
                gap_micros=gap,
                saving_micros=solved.solved.saving_micros,
            )
        return solved

    async def _note_late(self, tenant: TenantId) -> None:
        # It was told to stop and goes on: whoever runs out of time is told so.
        await asyncio.sleep(_LATE * self._options.solve_budget_us / _SECOND_US)
        log.error("round_late", tenant=tenant)
        await self._submit(Work(tenant, lambda shard, _: shard.round_failed()))


def _finish_on(
    shard: Shard, begun: Shard, solved: SolvedRound, now_us: int
) -> RoundRecord:
    if shard is not begun:
        raise UnavailableError("the shard was loaded anew during the round")
    return shard.finish_round(solved, now_us)


def _repeat(call: RoundCall) -> Work:
    def run(_shard: Shard, _now_us: int) -> object:
        raise UnavailableError("the first answer is gone; please retry")

    return Work(call.tenant, run, call.request_id, call.payload_hash)
