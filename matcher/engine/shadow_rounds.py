"""What shadows would have had: a second market, of the units that a round left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import (
    CertificateError,
    InvalidValueError,
    LimitExceededError,
)
from matcher.domain.ids import DemandId, ReturnId, RoundId
from matcher.domain.policy import Policy
from matcher.domain.reason import Reason, ReasonCode
from matcher.domain.shadow import CONTROL_CODES, ShadowResult
from matcher.engine.demand_book import DemandBook
from matcher.engine.demand_gate import state_demand
from matcher.engine.journal import ShadowsFinished
from matcher.engine.limit_book import LimitBook
from matcher.engine.market import Market, PoolItem, collect
from matcher.engine.match_groups import MatchGroups, PairKeys
from matcher.engine.network_book import DAY_US
from matcher.engine.obstacles import Obstacles
from matcher.engine.open_demands import OpenDemands
from matcher.engine.policy_book import PolicyBook
from matcher.engine.records import ReturnRecord
from matcher.engine.return_book import canonical
from matcher.engine.round_memory import Left, Terms
from matcher.engine.round_solve import SolvedMarket, solve_market
from matcher.engine.shadow_book import ShadowBook
from matcher.policy.gates import GateReport
from matcher.policy.wording import stated
from matcher.solve import Stop

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ShadowTask:
    """
    What is taken along to be asked about once the real round is solved.

    ``taken_count`` are, by column of the market, the units that earlier shadows would
    have had. ``groups`` are what match limits had left; places that earlier shadows
    would have had are not counted. ``unmoved`` are items near which nothing changed.
    """

    policy: Policy
    terms: Terms
    market: Market
    records: tuple[ReturnRecord, ...]
    reports: tuple[GateReport, ...]
    taken_count: IntArray
    groups: MatchGroups | None
    unmoved: Mapping[ReturnId, Left]


@dataclass(frozen=True, slots=True)
class SolvedShadows:
    """A task with its proven optimum; ``None`` if there was no time to prove one."""

    task: ShadowTask
    solved: SolvedMarket | None

    @property
    def event(self) -> ShadowsFinished:
        """What the journal has to know of it, between rounds."""
        return ShadowsFinished(self.solved is not None)


def solve_shadows(
    task: ShadowTask,
    real: SolvedMarket | None,
    *,
    threads: int = 1,
    stop: Stop | None = None,
) -> SolvedShadows:
    """
    Assign shadows to the units that nobody else has.

    Parameters
    ----------
    task
        The shadows; not modified, so any thread may do it.
    real
        The round that goes before them; its units are not theirs.
    threads, stop
        As for a round. An answer with a gap is none: it could not be had again.

    Returns
    -------
    SolvedShadows
        The optimum, its certificate checked as that of every round.
    """
    free = task.market.graph.capacity - task.taken_count - _used(task.market, real)
    capacity = np.maximum(free, 0).astype(np.int32)
    graph = replace(task.market.graph, capacity=capacity)
    market = replace(task.market, graph=graph)
    try:
        solved = solve_market(
            market,
            objective=task.policy.objective,
            groups=_groups_after(task.groups, real),
            threads=threads,
            stop=stop,
        )
    except (CertificateError, InvalidValueError):
        # Nothing is counted on the strength of it, and the real round goes on.
        return SolvedShadows(task, None)
    return SolvedShadows(task, None if solved.assignment.gap else solved)


def _groups_after(
    groups: MatchGroups | None, real: SolvedMarket | None
) -> MatchGroups | None:
    # What is left once the real optimum has its places.
    if groups is None or real is None or real.groups is None:
        return groups
    used = real.groups.limits.used(real.assignment.column).tolist()
    return groups.after(dict(zip(real.groups.keys, used, strict=True)))


def _used(market: Market, real: SolvedMarket | None) -> IntArray:
    # Units by column of ``market`` that the real optimum gives away.
    used = np.zeros(len(market.demands), np.int64)
    if real is None:
        return used
    columns = real.assignment.column
    counts = np.bincount(
        columns[columns >= 0], minlength=len(real.market.demands)
    ).tolist()
    of_demand = {
        record.demand.demand_id: count
        for record, count in zip(real.market.demands, counts, strict=True)
        if count
    }
    for at, record in enumerate(market.demands):
        used[at] = of_demand.get(record.demand.demand_id, 0)
    return used


class Shadows:
    """Asks what open shadows would have had; moves nothing but their own rows."""

    def __init__(
        self,
        book: ShadowBook,
        demands: DemandBook,
        open_demands: OpenDemands,
        policies: PolicyBook,
    ) -> None:
        self._book = book
        self._demands = demands
        self._open = open_demands
        self._policies = policies

    def begin(
        self,
        policy: Policy,
        terms: Terms,
        remaining: IntArray,
        limits: LimitBook,
        unmoved: Mapping[ReturnId, Left],
        now_us: int,
    ) -> ShadowTask:
        """
        Take the open shadows along; those that would not have stayed end at once.

        Parameters
        ----------
        policy
            The one in force, by which whoever waits is judged; rollout, volume cap
            and mode left aside.
        terms, remaining
            Under which the round's own market is priced.
        limits
            The places that real matches have taken.
        unmoved
            Items near which nothing changed.
        now_us
            Instant of the round.

        Returns
        -------
        ShadowTask
            Without a single shadow if they have more pairs in reach than a round may
            hold: they are asked about again by the next one.
        """
        moved = [
            record
            for record in self._book.items()
            if record.item.return_id not in unmoved
        ]
        pool = self._staying(canonical(moved), policy, now_us)
        try:
            market = self._market(pool, policy, terms, remaining)
        except LimitExceededError:
            pool = []
            market = self._market(pool, policy, terms, remaining)
        taken = [self._book.taken(each.demand.demand_id) for each in market.demands]
        return ShadowTask(
            policy=policy,
            terms=terms,
            market=market,
            records=tuple(record for record, _ in pool),
            reports=tuple(report for _, report in pool),
            taken_count=np.array(taken, np.int64),
            groups=MatchGroups.of(
                PairKeys.of(policy.match_limits, market, terms.network),
                market.graph,
                now_us // DAY_US,
                limits.left,
            ),
            unmoved=unmoved,
        )

    def finish(
        self, answer: SolvedShadows, round_id: RoundId, now_us: int
    ) -> dict[ReturnId, Left]:
        """
        Note what shadows would have had, after the real round has its units.

        Returns
        -------
        dict of Left
            The shadows that the optimum left without a unit.
        """
        self._book.forget_units(lambda each: self._demands.live(each) is not None)
        left: dict[ReturnId, Left] = {}
        if answer.solved is None:
            return left
        task = answer.task
        obstacles = Obstacles.of(task.policy, answer.solved)
        for row, column in enumerate(answer.solved.assignment.column.tolist()):
            return_id = task.records[row].item.return_id
            is_open = self._book.find(return_id) is not None
            if is_open and column >= 0 and self._stands(task, row, column, now_us):
                result = self._result(task, row, column, round_id, now_us)
                self._book.match(return_id, result)
                continue
            if column >= 0:
                # The unit may suit another shadow, though nothing changed it.
                self._open.touch(task.market.demands[column].demand)
                self._book.clock.changed()
                reasons: tuple[Reason, ...] = (stated(ReasonCode.DEMAND_CHANGED),)
            else:
                reasons = state_demand(task.market, row, -1, obstacles).reasons
            if is_open:
                self._book.wait(return_id, reasons)
                # A limit may leave one beside an open unit that it could have had.
                if column < 0 and not (task.groups and task.market.has_candidates(row)):
                    left[return_id] = self._left(task, row)
        return left

    def _staying(
        self, records: list[ReturnRecord], policy: Policy, now_us: int
    ) -> list[tuple[ReturnRecord, GateReport]]:
        pool: list[tuple[ReturnRecord, GateReport]] = []
        reports = self._book.reports(records, now_us)
        for record, report in zip(records, reports, strict=True):
            others = _other_reasons(report)
            if not others:
                pool.append((record, report))
            elif {reason.code for reason in others} != {ReasonCode.PROGRAM_PAUSED}:
                self._book.refuse(record.item.return_id, others, policy.version, now_us)
        return pool

    def _market(
        self,
        pool: list[tuple[ReturnRecord, GateReport]],
        policy: Policy,
        terms: Terms,
        remaining: IntArray,
    ) -> Market:
        return collect(
            [_pool_item(record, report) for record, report in pool],
            self._open,
            terms.network,
            policy,
            remaining=remaining,
            now_us=terms.now_us,
        )

    def _stands(self, task: ShadowTask, row: int, column: int, now_us: int) -> bool:
        then = task.market.demands[column].demand
        now = self._demands.live(then.demand_id)
        active = self._policies.active
        return (
            now is not None
            and now.demand == then
            and then.ship_by_us > now_us + task.policy.handling_duration_us
            and now.open_count > self._book.taken(then.demand_id)
            and active is not None
            and active.version == task.policy.version
            and now_us < task.reports[row].valid_until_us
            and not self._policies.program.is_paused(task.records[row].item.category)
        )

    def _result(
        self, task: ShadowTask, row: int, column: int, round_id: RoundId, now_us: int
    ) -> ShadowResult:
        market = task.market
        edge = market.edge(row, column)
        return ShadowResult(
            decided_us=now_us,
            waiting_us=now_us - task.records[row].created_us,
            policy_version=task.policy.version,
            round_id=round_id,
            demand_id=DemandId(market.demands[column].demand.demand_id),
            distance_m=int(market.distance_m[edge]),
            saving_micros=int(market.graph.saving[edge]),
            label_micros=int(market.label_micros[edge]),
        )

    def _left(self, task: ShadowTask, row: int) -> Left:
        record, entry = task.records[row], task.market.items[row]
        return Left(
            record.version,
            task.reports[row].valid_until_us,
            self._open.key_of(entry.item, entry.rule),
            entry.item.location,
            entry.rule.radius_m,
        )


def _other_reasons(report: GateReport) -> tuple[Reason, ...]:
    return tuple(each for each in report.reasons if each.code not in CONTROL_CODES)


def _pool_item(record: ReturnRecord, report: GateReport) -> PoolItem:
    assert report.rule is not None, "an item that only the control keeps out has a rule"
    return PoolItem(record.item, report.rule, record.released_demand_ids)
