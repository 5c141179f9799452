"""Smallest changes of a recorded round, each held against solving it again."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.activation import activation
from benchmarks.result import Result
from matcher.domain.ids import ReturnId, TenantId
from matcher.domain.item import Condition
from matcher.domain.match_limit import LimitKey, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import MatchKey, Policy
from matcher.engine.archive import LiveRows
from matcher.engine.changes import Changes
from matcher.engine.commands import (
    Command,
    CreatePolicy,
    ReleaseMatch,
    SubmitReturns,
    UpsertDemands,
    UpsertWarehouse,
)
from matcher.engine.journal import Checkpoint, Entry
from matcher.engine.market import PoolItem, collect
from matcher.engine.match_groups import MatchGroups, PairKeys
from matcher.engine.network_book import DAY_US
from matcher.engine.open_demands import OpenDemands
from matcher.engine.records import DemandRecord, RoundRecord
from matcher.engine.round_solve import solve_market
from matcher.engine.round_task import RoundTask, solve_round
from matcher.engine.shard import Shard
from matcher.explain.settled_market import SettledMarket
from matcher.explain.smallest_change import (
    ChangeKind,
    SmallestChange,
    smallest_changes,
)
from matcher.simulate.params import ScenarioParams
from matcher.simulate.recorded_round import RecordedRound, recorded_round
from matcher.simulate.replay_store import ReplayStore
from matcher.simulate.scenario import generate
from matcher.solve import CandidateGraph
from server.api.convert.policy import to_policy
from server.cli.demo_policy import demo_policy

FAMILY = "explanations"

_TENANT = TenantId("bench")
_NOW_US = 1_772_452_800_000_000
_MINUTE_US = 60_000_000

# Returns for each one that is to be left without a buyer and asked about.
_RETURNS_PER_ASKED = 4
_DEMANDS_PER_ASKED = 2
_RADIUS_M = 4_000


@dataclass(frozen=True, slots=True)
class Checked:
    """
    Explanations that were held against solving again.

    ``seconds`` is what each took that had a change. ``helpless_count`` are those that
    had none.
    """

    seconds: tuple[float, ...]
    exact: Counter[ChangeKind]
    wrong: tuple[str, ...]
    helpless_count: int


def explanations(count: int, seed: int, threads: int) -> Iterator[Result]:
    """
    Ask of ``count`` unmatched returns of a dense recorded round what they lacked.

    Each change is applied and the whole round solved again: the return has to be
    matched, and with one unit less it must not be.
    """
    recorded = dense_round(count, seed, threads)
    market = recorded.task.market
    checked = check_changes(recorded, recorded.task, count)
    assert not checked.wrong, checked.wrong[:10]
    yield Result(
        FAMILY,
        f"{len(checked.seconds):,} unmatched returns of a round of "
        f"{market.graph.row_count:,} returns and {len(market.graph.columns):,} "
        "candidates",
        "nearturn",
        statistics.median(checked.seconds),
        numbers={
            "without_change": float(checked.helpless_count),
            "longest_ms": 1e3 * max(checked.seconds),
            **{
                f"exact_{kind.name.lower()}": float(met)
                for kind, met in sorted(checked.exact.items())
            },
        },
    )


def dense_round(
    count: int,
    seed: int,
    threads: int = 1,
    *,
    match_limits: tuple[MatchLimit, ...] = (),
    objective: Objective = Objective.MAX_SAVING,
) -> RecordedRound:
    """
    Live a shard of one dense city through two rounds, and live the second again.

    Between the two, some matches are released and more returns come: pairs that are
    not to be made again, units that are held, warehouses of which one is full.
    """
    params = ScenarioParams(
        city_count=1,
        demand_count=_DEMANDS_PER_ASKED * count,
        return_count=_RETURNS_PER_ASKED * count,
        sku_count=3,
        categories=("apparel",),
        share_eligible=1.0,
        warehouse_count=1,
    )
    scenario = generate(params, np.random.default_rng(seed), _NOW_US)
    life = _Life()
    terms = replace(_policy(), match_limits=match_limits, objective=objective)
    life.apply(CreatePolicy(terms))
    life.apply(activation(1))
    for each in scenario.warehouses:
        life.apply(UpsertWarehouse(each))
    demands, items = scenario.demands, scenario.return_items
    life.apply(UpsertDemands(demands, ("",) * len(demands)))
    first = len(items) // 5
    for part in (items[:first], items[first:]):
        life.apply(SubmitReturns(part, tuple(item.return_id for item in part)))
        stored = life.round(threads)
        for match_id in sorted(life.rows.matches)[:: max(2, first // 40)]:
            life.apply(ReleaseMatch(match_id))
    start = Checkpoint(_NOW_US, 0, LiveRows())
    found = recorded_round(_TENANT, start, life.journal, stored, threads=threads)
    assert found is not None, "the journal has the round"
    found.must_be(stored)
    return found


def check_changes(recorded: RecordedRound, task: RoundTask, most: int) -> Checked:
    """
    Explain unmatched returns of a round, and apply each change.

    Parameters
    ----------
    recorded
        The round.
    task
        What is solved again: its own task, or one that looks at every item.
    most
        Returns with a change that are asked about.
    """
    settled = SettledMarket.of_round(
        recorded.task, recorded.solved.solved, recorded.demands
    )
    column = settled.assignment.column
    asked = [
        entry.item.return_id
        for row, entry in enumerate(recorded.task.market.items)
        if column[row] < 0
    ]
    seconds: list[float] = []
    exact: Counter[ChangeKind] = Counter()
    wrong: list[str] = []
    helpless = 0
    for return_id in asked:
        if len(seconds) == most:
            break
        started = time.perf_counter()
        ((_, changes),) = smallest_changes(settled, [return_id])
        taken_s = time.perf_counter() - started
        if not changes:
            helpless += 1
            continue
        seconds.append(taken_s)
        for change in changes:
            less = replace(change, amount=change.amount - 1)
            if is_matched(recorded, task, return_id, change) and not is_matched(
                recorded, task, return_id, less
            ):
                exact[change.kind] += 1
            else:
                wrong.append(f"{return_id}: {change}")
    return Checked(tuple(seconds), exact, tuple(wrong), helpless)


def is_matched(
    recorded: RecordedRound,
    task: RoundTask,
    return_id: ReturnId,
    change: SmallestChange,
) -> bool:
    """Solve a round again with a change, the slow way; tell if the item is matched."""
    row = next(
        row
        for row, entry in enumerate(task.market.items)
        if entry.item.return_id == return_id
    )
    items = list(task.market.items)
    items[row] = _changed(items[row], change)
    demands = OpenDemands(task.terms.network)
    demands.update([_with_units(each, change) for each in recorded.demands])
    market = collect(
        items,
        demands,
        task.terms.network,
        task.policy,
        remaining=task.remaining,
        now_us=task.started_us,
    )
    graph = market.graph
    saving = graph.saving.copy()
    if change.kind is ChangeKind.SAVING:
        saving[graph.row_offsets[row] : graph.row_offsets[row + 1]] += change.amount
    again = CandidateGraph(graph.row_offsets, graph.columns, saving, graph.capacity)

    def left(key: LimitKey, limit: MatchLimit) -> int:
        more = change.amount if key == change.limit else 0
        return limit.count_max - task.taken.get(key, 0) + more

    limits, day = task.policy.match_limits, task.started_us // DAY_US
    keys = PairKeys.of(limits, market, task.terms.network)
    solved = solve_market(
        replace(market, graph=again),
        objective=task.policy.objective,
        groups=MatchGroups.of(keys, again, day, left),
    )
    return bool(solved.assignment.column[row] >= 0)


def _changed(entry: PoolItem, change: SmallestChange) -> PoolItem:
    rule, item = entry.rule, entry.item
    match change.kind:
        case ChangeKind.RADIUS:
            wider = replace(rule, radius_m=rule.radius_m + change.amount)
            return replace(entry, rule=wider)
        case ChangeKind.SAVING:
            # The threshold is asked of what it saves with the change.
            least = rule.min_saving_micros - change.amount
            return replace(entry, rule=replace(rule, min_saving_micros=least))
        case ChangeKind.CONDITION if change.amount > item.condition:
            better = replace(item, condition=Condition(change.amount))
            return replace(entry, item=better)
        case _:
            return entry


def _with_units(record: DemandRecord, change: SmallestChange) -> DemandRecord:
    if (
        change.kind is not ChangeKind.UNIT
        or change.demand_id != record.demand.demand_id
    ):
        return record
    quantity = record.demand.quantity + change.amount
    return replace(record, demand=replace(record.demand, quantity=quantity))


def _policy() -> Policy:
    document = to_policy(demo_policy())
    rules = tuple(
        replace(
            rule,
            radius_m=_RADIUS_M,
            match_key=MatchKey.SKU,
            min_saving_micros=1_500_000,
        )
        for rule in document.categories
    )
    return replace(document, categories=rules, volume_cap=None)


class _Life:
    """A shard that keeps its journal; rows as a replay has them."""

    def __init__(self) -> None:
        start = Checkpoint(_NOW_US, 0, LiveRows())
        self.journal: list[Entry] = []
        self.rows = Changes()
        self._now_us = _NOW_US
        self._store = ReplayStore(start)
        self._shard = Shard(_TENANT, self._store, LiveRows(), now_us=_NOW_US)

    def apply(self, command: Command) -> None:
        self._now_us += 1
        self._shard.apply(command, self._now_us)
        self._commit()

    def round(self, threads: int) -> RoundRecord:
        self._now_us += _MINUTE_US
        task = self._shard.begin_round(self._now_us)
        self._commit()
        record = self._shard.finish_round(
            solve_round(task, threads=threads), self._now_us
        )
        self._commit()
        return record

    def _commit(self) -> None:
        changes = self._shard.take_changes()
        self.journal += changes.journal
        self.rows.add(changes)
        self._store.commit(changes)
        self._shard.committed()
