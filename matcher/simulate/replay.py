"""The recorded life of a shard, lived again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from matcher.domain.ids import TenantId
from matcher.engine.changes import Changes
from matcher.engine.journal import (
    Checkpoint,
    Entry,
    RoundBegan,
    RoundFinished,
    ShadowsBegan,
    ShadowsFinished,
)
from matcher.engine.limits import ShardLimits
from matcher.engine.proof import unpack
from matcher.engine.round_solve import SolvedMarket, pose_market
from matcher.engine.round_task import RoundTask, SolvedRound, solve_round
from matcher.engine.shadow_rounds import ShadowTask, SolvedShadows, solve_shadows
from matcher.engine.shard import Shard
from matcher.simulate.replay_store import ReplayStore
from matcher.solve import Stop


def replay(
    tenant: TenantId,
    start: Checkpoint,
    entries: Iterable[Entry],
    *,
    limits: ShardLimits | None = None,
    threads: int = 1,
) -> Iterator[Changes]:
    """
    Do again what a journal says was done.

    Parameters
    ----------
    tenant
        Whose shard it was; the rollout depends on it.
    start
        The rows before the first entry.
    entries
        What happened from then on, in order and without gaps.
    limits
        Those of the shard.
    threads
        Threads that solve; no influence on the answer.

    Yields
    ------
    Changes
        The rows that each entry changed: the very ones, to the byte, that it changed
        the first time, its own entry in the journal among them.
    """
    player = Player(tenant, start, limits=limits, threads=threads)
    for entry in entries:
        yield player.play(entry)


class Player:
    """
    Drives a shard as its host did, restarts included.

    Parameters
    ----------
    tenant, start, limits, threads
        As for :func:`replay`.
    stop
        Ends the solve of a round early when it is requested; what is lived from then
        on is not what was.

    Attributes
    ----------
    store
        The rows so far.
    task
        The round that is under way.
    solved
        The round that was finished last.
    """

    def __init__(
        self,
        tenant: TenantId,
        start: Checkpoint,
        *,
        limits: ShardLimits | None = None,
        threads: int = 1,
        stop: Stop | None = None,
    ) -> None:
        self.store = ReplayStore(start)
        self.task: RoundTask | None = None
        self.solved: SolvedRound | None = None
        self._tenant = tenant
        self._limits = limits
        self._threads = threads
        self._stop = stop
        self._now_us = start.at_us
        self._is_planning_down = False
        self._shadows: ShadowTask | None = None
        self._shard = self._built(start.at_us)

    def play(self, entry: Entry) -> Changes:
        """Do one entry again and commit it."""
        changes = self.perform(entry)
        self.commit(changes)
        return changes

    def perform(self, entry: Entry) -> Changes:
        """Do one entry again; the rows are those before it until it is committed."""
        is_back = entry.now_us < self._now_us
        if is_back or (self._is_planning_down and not entry.is_planning_down):
            # Only a restart sets the clock back, or forgets that planning is down.
            self._shard = self._built(entry.now_us)
            self._is_planning_down = False
        if entry.is_planning_down and not self._is_planning_down:
            self._shard.round_failed()
        self._now_us = entry.now_us
        self._is_planning_down = entry.is_planning_down
        self.store.know(entry.known)
        match entry.event:
            case RoundBegan():
                self.task = self._shard.begin_round(entry.now_us)
            case RoundFinished():
                assert self.task is not None, "a round that is finished was begun"
                self.solved = self._solve(self.task, entry.event)
                self._shard.finish_round(self.solved, entry.now_us)
                self._is_planning_down = False
                self.task = None
            case ShadowsBegan():
                self._shadows = self._shard.begin_shadows(entry.now_us)
            case ShadowsFinished():
                assert self._shadows is not None, "shadows that are finished were begun"
                asked = self._asked(self._shadows, None, entry.event.has_shadows)
                self._shard.finish_shadows(asked, entry.now_us)
            case command:
                self._shard.apply(command, entry.now_us)
        changes = self._shard.take_changes()
        # What was looked up the first time is in memory now.
        changes.journal = [replace(each, known=entry.known) for each in changes.journal]
        return changes

    def commit(self, changes: Changes) -> None:
        """Take the rows of what was performed last."""
        self.store.commit(changes)
        self._shard.committed()

    def _solve(self, task: RoundTask, event: RoundFinished) -> SolvedRound:
        if event.proof:
            ids = [record.item.return_id for record in task.records]
            found = unpack(event.proof).assignment(ids)
            solved = pose_market(task.market, found, task.policy.objective, task.groups)
            asked = self._asked(task.shadows, solved, event.has_shadows)
            return SolvedRound(task, solved, event.proof, asked)
        again = solve_round(task, threads=self._threads, stop=self._stop)
        if event.has_shadows:
            return again
        return replace(again, shadows=SolvedShadows(task.shadows, None))

    def _asked(
        self, task: ShadowTask, real: SolvedMarket | None, has_shadows: bool
    ) -> SolvedShadows:
        if not has_shadows:
            return SolvedShadows(task, None)
        return solve_shadows(task, real, threads=self._threads, stop=self._stop)

    def _built(self, now_us: int) -> Shard:
        rows = self.store.load()
        return Shard(self._tenant, self.store, rows, now_us=now_us, limits=self._limits)
