"""The recorded life of a shard, lived again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from matcher.domain.ids import TenantId
from matcher.engine.changes import Changes
from matcher.engine.journal import Checkpoint, Entry, RoundBegan, RoundFinished
from matcher.engine.limits import ShardLimits
from matcher.engine.proof import unpack
from matcher.engine.round_solve import pose_market
from matcher.engine.rounds import RoundTask, SolvedRound, solve_round
from matcher.engine.shard import Shard
from matcher.simulate.replay_store import ReplayStore


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
    player = _Player(tenant, ReplayStore(start), start.at_us, limits)
    for entry in entries:
        yield player.play(entry, threads)


class _Player:
    # Drives a shard as the host did, restarts included.
    def __init__(
        self,
        tenant: TenantId,
        store: ReplayStore,
        now_us: int,
        limits: ShardLimits | None,
    ) -> None:
        self._tenant = tenant
        self._store = store
        self._limits = limits
        self._now_us = now_us
        self._is_planning_down = False
        self._task: RoundTask | None = None
        self._shard = self._built(now_us)

    def play(self, entry: Entry, threads: int) -> Changes:
        is_back = entry.now_us < self._now_us
        if is_back or (self._is_planning_down and not entry.is_planning_down):
            # Only a restart sets the clock back, or forgets that planning is down.
            self._shard = self._built(entry.now_us)
            self._is_planning_down = False
        if entry.is_planning_down and not self._is_planning_down:
            self._shard.round_failed()
        self._now_us = entry.now_us
        self._is_planning_down = entry.is_planning_down
        self._store.know(entry.known)
        match entry.event:
            case RoundBegan():
                self._task = self._shard.begin_round(entry.now_us)
            case RoundFinished():
                assert self._task is not None, "a round that is finished was begun"
                solved = _solved(self._task, entry.event, threads)
                self._shard.finish_round(solved, entry.now_us)
                self._is_planning_down = False
                self._task = None
            case command:
                self._shard.apply(command, entry.now_us)
        changes = self._shard.take_changes()
        self._store.commit(changes)
        self._shard.committed()
        # What was looked up the first time is in memory now.
        changes.journal = [replace(each, known=entry.known) for each in changes.journal]
        return changes

    def _built(self, now_us: int) -> Shard:
        rows = self._store.load()
        return Shard(
            self._tenant, self._store, rows, now_us=now_us, limits=self._limits
        )


def _solved(task: RoundTask, event: RoundFinished, threads: int) -> SolvedRound:
    if not event.proof:
        return solve_round(task, threads=threads)
    ids = [record.item.return_id for record in task.records]
    found = unpack(event.proof).assignment(ids)
    solved = pose_market(task.market, found, task.policy.objective, task.groups)
    return SolvedRound(task, solved, event.proof)
