"""What a life is lived on: a shard that commits, and what may stand in for it."""

from __future__ import annotations

from typing import Protocol

from matcher.domain.errors import NearturnError
from matcher.engine.changes import Changes
from matcher.engine.commands import Command
from matcher.engine.limits import ShardLimits
from matcher.engine.records import ReturnRecord
from matcher.engine.shard import Shard
from tests.scenarios import MemoryStore, RunningShard

# Few enough for some lives to reach it.
LIMITS = ShardLimits(shadow_count_max=5)


class Side(RunningShard):
    """A shard that remembers all that it committed, and what since it was asked."""

    def __init__(self) -> None:
        self.fresh = Changes()
        self.history: list[Changes] = []
        super().__init__(limits=LIMITS)

    def commit(self) -> None:
        """Commit, and remember it."""
        changes = self.shard.take_changes()
        self.fresh.add(changes)
        self.history.append(changes)
        self.store.commit(changes)
        self.shard.committed()

    def taken(self) -> Changes:
        """Return what was committed since the last call."""
        fresh, self.fresh = self.fresh, Changes()
        return fresh

    def outcome(self, command: Command) -> object:
        """Return the answer, or the refusal by class and words."""
        try:
            return self.apply(command)
        except NearturnError as error:
            return type(error), str(error)


class CrashingSide(Protocol):
    """The side that crashes: one shard, or servers that take turns."""

    fresh: Changes
    history: list[Changes]
    store: MemoryStore
    now_us: int

    @property
    def shard(self) -> Shard:
        """The shard that decides now."""

    def outcome(self, command: Command) -> object:
        """Return the answer, or the refusal by class and words."""

    def commit(self) -> None:
        """Commit what the shard has changed."""

    def taken(self) -> Changes:
        """Return what was committed since the last call."""

    def restart(self) -> None:
        """Lose all memory, and what was not committed."""

    def item(self, return_id: str = "r1") -> ReturnRecord:
        """Return a committed return item."""
