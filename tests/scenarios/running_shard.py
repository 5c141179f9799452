"""A shard that is driven as its host drives it: apply, commit, answer."""

from __future__ import annotations

from collections.abc import Callable

from matcher.domain.demand import Demand
from matcher.domain.ids import DemandId, MatchId, ReturnId
from matcher.domain.match import Match
from matcher.domain.policy import Policy
from matcher.domain.policy_change import Dimension
from matcher.domain.program import SignOff, SignOffItem
from matcher.domain.return_item import ReturnItem
from matcher.engine.answers import Answer, ReturnAnswer
from matcher.engine.commands import (
    ActivatePolicy,
    Command,
    CreatePolicy,
    SubmitReturns,
    Tick,
    UpsertDemands,
)
from matcher.engine.limits import ShardLimits
from matcher.engine.records import (
    DemandRecord,
    PolicyRecord,
    ReturnRecord,
    RoundRecord,
)
from matcher.engine.round_task import solve_round
from matcher.engine.shard import Shard
from tests.scenarios.entities import NOW_US, TENANT
from tests.scenarios.memory_store import MemoryStore

SIGNED = tuple(SignOff(item, "lead") for item in SignOffItem if item)


def activation(version: int) -> ActivatePolicy:
    """Return the command that puts a version in force, however wide, signed for."""
    return ActivatePolicy(version, tuple(Dimension), SIGNED)


class RunningShard:
    """
    A shard over a store in memory, with a clock that the test moves.

    Every call commits what it changed before it returns; a refused command commits
    what time had settled before it.
    """

    def __init__(
        self,
        store: MemoryStore | None = None,
        *,
        now_us: int = NOW_US,
        limits: ShardLimits | None = None,
    ) -> None:
        self.store = store or MemoryStore()
        self.now_us = now_us
        self.limits = limits
        self.shard = self._built()

    def apply(self, command: Command) -> Answer:
        """Carry out a command now, and commit."""
        try:
            return self.shard.apply(command, self.now_us)
        finally:
            self.commit()

    def tick(self, now_us: int) -> None:
        """Move the clock and let time settle what it settles."""
        self.now_us = now_us
        self.apply(Tick())

    def commit(self) -> None:
        """Store what changed, then say so."""
        self.store.commit(self.shard.take_changes())
        self.shard.committed()

    def restart(self) -> None:
        """Throw the shard away and build another from the store."""
        self.shard = self._built()

    def activate(self, policy: Policy) -> int:
        """Store a policy version and put it in force; return its number."""
        record = self.apply(CreatePolicy(policy))
        assert isinstance(record, PolicyRecord)
        self.apply(activation(record.policy.version))
        return record.policy.version

    def upsert(self, *demands: Demand) -> tuple[DemandRecord, ...]:
        """Store demands without comparing etags."""
        answer = self.apply(UpsertDemands(demands, ("",) * len(demands)))
        assert isinstance(answer, tuple)
        return tuple(record for record in answer if isinstance(record, DemandRecord))

    def submit(self, *items: ReturnItem) -> tuple[ReturnAnswer, ...]:
        """Submit return items; the hash of each is its ``repr``."""
        hashes = tuple(repr(item) for item in items)
        answer = self.apply(SubmitReturns(items, hashes))
        assert isinstance(answer, tuple)
        return tuple(each for each in answer if isinstance(each, ReturnAnswer))

    def round(self, meanwhile: Callable[[], object] | None = None) -> RoundRecord:
        """Run a round now; ``meanwhile`` happens while it is being solved."""
        task = self.shard.begin_round(self.now_us)
        self.commit()
        solved = solve_round(task)
        if meanwhile is not None:
            meanwhile()
        record = self.shard.finish_round(solved, self.now_us)
        self.commit()
        return record

    def demand(self, demand_id: str = "d1") -> DemandRecord:
        """Return a committed demand."""
        return self.store.rows.demands[DemandId(demand_id)]

    def item(self, return_id: str = "r1") -> ReturnRecord:
        """Return a committed return item."""
        return self.store.rows.returns[ReturnId(return_id)]

    def match(self, match_id: str = "m-000000000001") -> Match:
        """Return a committed match."""
        return self.store.rows.matches[MatchId(match_id)]

    def _built(self) -> Shard:
        return Shard(
            TENANT,
            self.store,
            self.store.load(),
            now_us=self.now_us,
            limits=self.limits,
        )
