"""A shard that keeps what it did, so that it can be lived again."""

from __future__ import annotations

from matcher.engine.archive import LiveRows
from matcher.engine.changes import Changes
from matcher.engine.journal import Checkpoint, Entry
from matcher.engine.records import RoundRecord
from matcher.engine.round_task import RoundTask, SolvedRound, solve_round
from matcher.simulate.recorded_round import RecordedRound, recorded_round
from tests.scenarios.entities import NOW_US, TENANT
from tests.scenarios.running_shard import RunningShard

#: Before anything happened.
BEGINNING = Checkpoint(NOW_US, 0, LiveRows())


class LivedShard(RunningShard):
    """A running shard with its journal, and the rounds that it ran."""

    def __init__(self) -> None:
        self.journal: list[Entry] = []
        self.last: SolvedRound | None = None
        super().__init__()

    def commit(self) -> None:
        """Commit, and keep what happened."""
        changes: Changes = self.shard.take_changes()
        self.journal += changes.journal
        self.store.commit(changes)
        self.shard.committed()

    def run_round(self) -> RoundRecord:
        """Run a round and keep its task with its answer."""
        self.last = solve_round(self.begin())
        record = self.shard.finish_round(self.last, self.now_us)
        self.commit()
        return record

    def begin(self) -> RoundTask:
        """Begin a round that may never be finished."""
        task = self.shard.begin_round(self.now_us)
        self.commit()
        return task

    def lived(self, record: RoundRecord) -> RecordedRound:
        """Live a round again from the beginning."""
        found = recorded_round(TENANT, BEGINNING, self.journal, record)
        assert found is not None, "the journal has the round"
        return found
