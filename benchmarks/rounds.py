"""Rounds over a pool that waits, of which little is new each time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.activation import activation
from benchmarks.result import Result
from matcher.domain.decision import Decision
from matcher.domain.demand import Demand
from matcher.domain.ids import (
    DecisionId,
    DemandId,
    MatchId,
    ReturnId,
    RoundId,
    TenantId,
)
from matcher.domain.match import Match
from matcher.domain.policy import Policy
from matcher.domain.return_item import ReturnItem
from matcher.domain.shadow import ShadowState
from matcher.engine.archive import LiveRows
from matcher.engine.changes import Changes
from matcher.engine.commands import (
    CreatePolicy,
    SubmitReturns,
    UpsertDemands,
)
from matcher.engine.records import (
    DemandRecord,
    PolicyRecord,
    ReturnRecord,
    RoundRecord,
)
from matcher.engine.round_task import solve_round
from matcher.engine.shard import Shard
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import generate
from server.api.convert.policy import to_policy
from server.cli.demo_policy import demo_policy

FAMILY = "rounds"

_OURS = "nearturn"
_ALL = "looking at every item"

NOW_US = 1_772_452_800_000_000
_ROUNDS = 3
_NEW_PER_ROUND = 0.01

# Most SKUs are asked for by nobody near, as in real orders: most returns wait.
_SKUS_PER_DEMAND = 2


def rounds(count: int, seed: int, threads: int) -> Iterator[Result]:
    """
    Close rounds over ``count`` returns and demands, of which 1 % come between two.

    One shard looks at what changed. Another begins each round twice, so that it knows
    of no last one and looks at every item. Both must end in the same rows.
    """
    new = max(1, round(count * _NEW_PER_ROUND))
    total = count + _ROUNDS * new
    params = ScenarioParams(
        demand_count=total,
        return_count=total,
        sku_count=min(1_000_000, _SKUS_PER_DEMAND * total),
        sku_skew=0.0,
    )
    scenario = generate(params, np.random.default_rng(seed), NOW_US)
    items, demands = scenario.return_items, scenario.demands
    shards = {_OURS: DrivenShard(), _ALL: DrivenShard(forgets=True)}
    seconds: dict[str, list[float]] = {way: [] for way in shards}
    for start, stop in ((0, count), *_slices(count, total, new)):
        ended: dict[str, RoundRecord] = {}
        for way, shard in shards.items():
            shard.load(items[start:stop], demands[start:stop])
            taken_s, ended[way] = shard.round(threads)
            if start:
                seconds[way].append(taken_s)
        assert ended[_OURS] == ended[_ALL], "leaving items out changed a round"
    record = ended[_OURS]
    case = f"{record.return_count:,} x {record.demand_count:,}, of which 1 % is new"
    ours = statistics.median(seconds[_OURS])
    for way, taken in seconds.items():
        median = statistics.median(taken)
        yield Result(
            FAMILY,
            case,
            way,
            median,
            ratio=None if way == _OURS else median / ours,
            numbers={"matched": float(record.matched_count)},
        )


def _slices(start: int, stop: int, step: int) -> list[tuple[int, int]]:
    return [(at, at + step) for at in range(start, stop, step)]


class DrivenShard:
    """
    A shard whose commits go into dictionaries; it asks them for what is over.

    ``engine_s`` is what of the last round the engine's thread did.
    """

    def __init__(self, *, forgets: bool = False, policy: Policy | None = None) -> None:
        self._forgets = forgets
        self.engine_s = 0.0
        self._rows = Changes()
        self._shard = Shard(TenantId("bench"), self, LiveRows(), now_us=NOW_US)
        self.activate(policy or to_policy(demo_policy()))

    def activate(self, policy: Policy) -> None:
        """Put another version in force."""
        record = self._shard.apply(CreatePolicy(policy), NOW_US)
        assert isinstance(record, PolicyRecord)
        self._shard.apply(activation(record.policy.version), NOW_US)
        self._commit()

    def load(self, items: Sequence[ReturnItem], demands: Sequence[Demand]) -> None:
        """Submit returns and store demands."""
        hashes = tuple(item.return_id for item in items)
        etags = ("",) * len(demands)
        self._shard.apply(UpsertDemands(tuple(demands), etags), NOW_US)
        self._shard.apply(SubmitReturns(tuple(items), hashes), NOW_US)
        self._commit()

    def round(self, threads: int) -> tuple[float, RoundRecord]:
        """Close a round; return how long it took, and its summary without a number."""
        if self._forgets:
            self._shard.begin_round(NOW_US)
        started = time.perf_counter()
        task = self._shard.begin_round(NOW_US)
        begun = time.perf_counter()
        solved = solve_round(task, threads=threads)
        found = time.perf_counter()
        record = self._shard.finish_round(solved, NOW_US)
        ended = time.perf_counter()
        self.engine_s = begun - started + ended - found
        self._commit()
        return ended - started, replace(record, round_id=RoundId(""))

    def shadow_count(self, state: ShadowState) -> int:
        """Return how many shadows are in a state."""
        return sum(each.state is state for each in self._rows.shadows.values())

    def _commit(self) -> None:
        self._rows.add(self._shard.take_changes())
        self._shard.committed()

    # --- The archive -------------------------------------------------------------

    def demands(self, ids: Iterable[DemandId]) -> dict[DemandId, DemandRecord]:
        """Return the demands that exist among ``ids``."""
        rows = self._rows.demands
        return {each: rows[each] for each in ids if each in rows}

    def returns(self, ids: Iterable[ReturnId]) -> dict[ReturnId, ReturnRecord]:
        """Return the return items that exist among ``ids``."""
        rows = self._rows.returns
        return {each: rows[each] for each in ids if each in rows}

    def match(self, match_id: MatchId) -> Match | None:
        """Return one match."""
        return self._rows.matches.get(match_id)

    def decision(self, decision_id: DecisionId) -> Decision | None:
        """Return one decision."""
        return self._rows.decisions[int(decision_id.removeprefix("d-")) - 1]
