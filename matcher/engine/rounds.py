"""Rounds of a shard: when one is due, what it takes along, what it leaves behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from matcher.domain.decision import Outcome
from matcher.domain.ids import ReturnId, RoundId
from matcher.domain.match import Match
from matcher.domain.match_limit import LimitKey
from matcher.domain.policy import Policy
from matcher.domain.reason import Reason, ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.engine.answers import ReturnAnswer
from matcher.engine.counts import count_reasons
from matcher.engine.demand_book import DemandBook
from matcher.engine.demand_gate import state_demand
from matcher.engine.ledger import Ledger
from matcher.engine.limits import ShardLimits
from matcher.engine.market import PoolItem, collect
from matcher.engine.match_book import MatchBook
from matcher.engine.match_groups import MatchGroups, PairKeys
from matcher.engine.network_book import DAY_US, NetworkBook
from matcher.engine.obstacles import Obstacles, limit_reason
from matcher.engine.open_demands import OpenDemands
from matcher.engine.overtaking import overtaken_rows
from matcher.engine.policy_book import PolicyBook
from matcher.engine.records import ReturnRecord, RoundRecord
from matcher.engine.return_book import Case, Finding, ReturnBook, canonical
from matcher.engine.round_memory import Left, RoundMemory, Terms
from matcher.engine.round_solve import SolvedMarket
from matcher.engine.round_task import RoundTask, SolvedRound
from matcher.engine.shadow_rounds import Shadows, ShadowTask, SolvedShadows
from matcher.engine.statement import matched_reason, state_match
from matcher.policy.gates import GateReport
from matcher.policy.volume import Admission
from matcher.policy.wording import stated


class Rounds:
    """Starts and finishes the rounds of a shard, one at a time."""

    def __init__(
        self,
        ledger: Ledger,
        demands: DemandBook,
        open_demands: OpenDemands,
        returns: ReturnBook,
        matches: MatchBook,
        policies: PolicyBook,
        network: NetworkBook,
        limits: ShardLimits,
    ) -> None:
        self._ledger = ledger
        self._demands = demands
        self._open = open_demands
        self._returns = returns
        self._matches = matches
        self._policies = policies
        self._network = network
        self._limits = limits
        self._memory = RoundMemory()
        self._shadows = Shadows(returns.shadows, demands, open_demands, policies)

    def begin(self, policy: Policy, now_us: int) -> RoundTask:
        """
        Take the pool along; items that the gates no longer pass go at once.

        Raises
        ------
        LimitExceededError
            If there are more pairs in reach than a round may hold; nothing is
            changed then.
        """
        self._demands.index()
        terms = self._terms(policy, now_us)
        remaining = self._network.remaining(now_us)
        waiting = self._returns.waiting()
        unmoved, unmoved_shadows = self._unmoved(waiting, terms)
        moved = canonical(r for r in waiting if r.item.return_id not in unmoved)
        moved, refused = self._admitted(moved, policy, now_us)
        reports = self._returns.reports(moved, now_us)
        rows = list(zip(moved, reports, strict=True))
        pool = [(record, report) for record, report in rows if report.passed]
        market = collect(
            [_pool_item(record, report) for record, report in pool],
            self._open,
            terms.network,
            policy,
            remaining=remaining,
            now_us=now_us,
        )
        keys = PairKeys.of(policy.match_limits, market, terms.network)
        failing = [
            Case(record)
            for record, report in rows
            if not (report.passed or report.pending or report.paused)
        ]
        routed = refused + self._returns.decide(failing, now_us)
        kept_back = self._keep_back(rows, now_us)
        others = (
            *(record for record, report in rows if report.pending),
            *(each.record for each in routed),
            *kept_back,
            *(record for record in waiting if record.item.return_id in unmoved),
        )
        return RoundTask(
            started_us=now_us,
            policy=policy,
            market=market,
            keys=keys,
            taken=self._matches.limits.taken(now_us // DAY_US)
            if policy.match_limits
            else {},
            groups=MatchGroups.of(
                keys, market.graph, now_us // DAY_US, self._matches.limits.left
            ),
            terms=terms,
            remaining=remaining,
            unmoved=unmoved,
            records=tuple(record for record, _ in pool),
            reports=tuple(report for _, report in pool),
            codes=tuple(record.reason_codes for record in others),
            routed_ids=tuple(each.record.item.return_id for each in routed),
            shadows=self._shadows.begin(
                policy,
                terms,
                remaining,
                self._matches.limits,
                unmoved_shadows,
                now_us,
            ),
        )

    def finish(self, solved: SolvedRound, now_us: int) -> RoundRecord:
        """
        Make the promises that still can be made, and record the round.

        A match stands only if neither item nor demand changed since the round
        began, the demand has a unit left, no match limit of the day is reached, and
        what the match rests on has not run out: the item's evidence, the buyer's time
        to wait. Else the item waits on.
        """
        task = replace(solved.task, round_id=self._ledger.next_round_id())
        solved = replace(solved, task=task)
        columns = solved.solved.assignment.column.tolist()
        kept, lost = self._still_true(task, columns, now_us)
        obstacles = Obstacles.of(task.policy, solved.solved)
        for row in lost:
            # Its unit is open and may suit another item, though nothing changed it.
            self._open.touch(task.market.demands[columns[row]].demand)
        waits = [row for row in range(len(columns)) if row not in kept]
        left = [row for row in waits if self._is_as_then(task.records[row])]
        overtaken = [
            task.records[row]
            for row in overtaken_rows(task.market, columns, kept, left)
        ]
        if task.groups is not None:
            # A limit may leave an item beside an open unit that it could have had.
            left = [row for row in left if not task.market.has_candidates(row)]
        matches = self._match(solved, kept, now_us)
        codes = [
            *(
                self._wait(
                    solved.solved, task, row, obstacles, lost.get(row, ()), now_us
                )
                for row in waits
            ),
            *task.codes,
            *(
                self._note(task, row, match, obstacles, now_us).record.reason_codes
                for row, match in matches.items()
            ),
        ]
        shadows_left = self._shadows.finish(solved.shadows, task.round_id, now_us)
        if not solved.solved.assignment.gap:
            self._memory.keep(
                task.terms,
                {
                    **task.unmoved,
                    **self._left(task, left),
                    **task.shadows.unmoved,
                    **shadows_left,
                },
            )
        record = self._record(solved, matches.values(), len(lost), codes)
        if overtaken:
            record = replace(
                record,
                overtaken_count=len(overtaken),
                overtaken_wait_us=task.started_us - overtaken[0].created_us,
            )
        self._ledger.changes.rounds.append(record)
        return record

    def begin_shadows(self, policy: Policy, now_us: int) -> ShadowTask:
        """Take the open shadows along, and nobody else."""
        self._demands.index()
        terms = self._terms(policy, now_us)
        unmoved, unmoved_shadows = self._unmoved(self._returns.waiting(), terms)
        task = self._shadows.begin(
            policy,
            terms,
            self._network.remaining(now_us),
            self._matches.limits,
            unmoved_shadows,
            now_us,
        )
        # Who waits goes on waiting, so what is known of them goes on holding.
        return replace(task, unmoved={**unmoved, **unmoved_shadows})

    def finish_shadows(self, solved: SolvedShadows, now_us: int) -> None:
        """Note what they would have had."""
        left = self._shadows.finish(solved, RoundId(""), now_us)
        self._memory.keep(solved.task.terms, {**solved.task.unmoved, **left})

    def _unmoved(
        self, waiting: list[ReturnRecord], terms: Terms
    ) -> tuple[dict[ReturnId, Left], dict[ReturnId, Left]]:
        # Of the items that wait, and of the shadows.
        shadowed = self._returns.shadows.items()
        found = self._memory.unmoved([*waiting, *shadowed], terms, self._open)
        own = (record.item.return_id for record in shadowed)
        shadows = {each: found.pop(each) for each in own if each in found}
        return found, shadows

    def _admitted(
        self, records: list[ReturnRecord], policy: Policy, now_us: int
    ) -> tuple[list[ReturnRecord], list[ReturnAnswer]]:
        # An item that waited out a pause may not have asked for its place yet.
        if policy.volume_cap is None:
            return records, []
        unasked = [r for r in records if r.admission is Admission.UNSPECIFIED]
        reports = self._returns.reports(unasked, now_us)
        asking = [
            Case(record)
            for record, report in zip(unasked, reports, strict=True)
            if report.passed
        ]
        answers = self._returns.decide(asking, now_us)
        told = {each.record.item.return_id: each for each in answers}
        kept: list[ReturnRecord] = []
        for record in records:
            answer = told.get(record.item.return_id)
            now = answer.record if answer else record
            if now.state is ReturnState.WAITING:
                kept.append(now)
        return kept, [a for a in answers if a.record.state is not ReturnState.WAITING]

    def _keep_back(
        self, rows: Iterable[tuple[ReturnRecord, GateReport]], now_us: int
    ) -> list[ReturnRecord]:
        # Items of a paused category wait on; told once, not round by round.
        paused = [(record, report) for record, report in rows if report.paused]
        told = {record.item.return_id: record for record, _ in paused}
        untold = [
            Case(record)
            for record, report in paused
            if record.reason_codes != tuple(reason.code for reason in report.reasons)
        ]
        for answer in self._returns.decide(untold, now_us):
            told[answer.record.item.return_id] = answer.record
        return list(told.values())

    def _still_true(
        self, task: RoundTask, columns: list[int], now_us: int
    ) -> tuple[set[int], dict[int, tuple[Reason, ...]]]:
        earliest_us = now_us + task.policy.handling_duration_us
        kept: set[int] = set()
        lost: dict[int, tuple[Reason, ...]] = {}
        left: dict[int, int] = {}
        limited = bool(task.policy.match_limits)
        taken: Counter[LimitKey] = Counter()
        for row, column in enumerate(columns):
            if column < 0:
                continue
            then = task.market.demands[column]
            now = self._demands.live(then.demand.demand_id)
            units = left.setdefault(column, now.open_count if now else 0)
            same = now is not None and now.demand == then.demand
            in_time = then.demand.ship_by_us > earliest_us
            if not (
                same and in_time and units > 0 and self._same_item(task, row, now_us)
            ):
                lost[row] = (stated(ReasonCode.DEMAND_CHANGED),)
                continue
            if limited:
                places = task.keys.places(row, column, now_us // DAY_US)
                if full := self._full(task.policy, places, taken):
                    lost[row] = full
                    continue
                taken.update(places)
            left[column] = units - 1
            kept.add(row)
        return kept, lost

    def _full(
        self, policy: Policy, places: Iterable[LimitKey], taken: Counter[LimitKey]
    ) -> tuple[Reason, ...]:
        # Limits that were reached since the round began, or by this round.
        limits = {(each.scope, each.resolution): each for each in policy.match_limits}
        full = [
            limits[kind]
            for key in places
            if (kind := (key.scope, key.resolution)) in limits
            and self._matches.limits.left(key, limits[kind]) <= taken[key]
        ]
        return tuple(limit_reason(each) for each in full)

    def _same_item(self, task: RoundTask, row: int, now_us: int) -> bool:
        then = task.records[row]
        active = self._policies.active
        return (
            self._is_as_then(then)
            and now_us < task.reports[row].valid_until_us
            and active is not None
            and active.version == task.policy.version
            and not self._policies.program.is_paused(then.item.category)
        )

    def _is_as_then(self, then: ReturnRecord) -> bool:
        now = self._returns.live(then.item.return_id)
        return now is not None and now.version == then.version

    def _left(self, task: RoundTask, rows: Iterable[int]) -> dict[ReturnId, Left]:
        left: dict[ReturnId, Left] = {}
        for row in rows:
            entry = task.market.items[row]
            record = self._returns.live(entry.item.return_id)
            assert record is not None, entry.item.return_id
            left[entry.item.return_id] = Left(
                record.version,
                task.reports[row].valid_until_us,
                self._open.key_of(entry.item, entry.rule),
                entry.item.location,
                entry.rule.radius_m,
            )
        return left

    def _terms(self, policy: Policy, now_us: int) -> Terms:
        remaining = self._network.remaining(now_us)
        return Terms(
            now_us,
            policy.version,
            self._policies.program.pauses,
            self._network.network,
            tuple((remaining > 0).tolist()),
            now_us + policy.handling_duration_us,
        )

    def _match(
        self, solved: SolvedRound, rows: Iterable[int], now_us: int
    ) -> dict[int, Match]:
        task = solved.task
        margin_us = self._limits.decide_margin_us
        matches = {
            row: state_match(
                solved.solved,
                row,
                match_id=self._ledger.next_match_id(),
                round_id=task.round_id,
                policy=task.policy,
                keys=task.keys,
                now_us=now_us,
                latest_us=task.records[row].item.decide_by_us - margin_us,
            )
            for row in sorted(rows)
        }
        self._matches.make(list(matches.values()), now_us)
        return matches

    def _note(
        self,
        task: RoundTask,
        row: int,
        match: Match,
        obstacles: Obstacles | None,
        now_us: int,
    ) -> ReturnAnswer:
        finding = state_demand(task.market, row, 0, obstacles)
        return self._returns.write(
            task.records[row],
            Finding(
                Outcome.MATCHED,
                (matched_reason(match, task.policy),),
                task.reports[row].checks + finding.checks,
                task.terms.network.stated(task.market.fallback, row),
                task.policy.version,
                match,
                task.round_id,
            ),
            now_us,
        )

    def _wait(
        self,
        solved: SolvedMarket,
        task: RoundTask,
        row: int,
        obstacles: Obstacles | None,
        lost: tuple[Reason, ...],
        now_us: int,
    ) -> tuple[ReasonCode, ...]:
        # Decides anew only if that says something new to whoever watches.
        then = task.records[row]
        column = int(solved.assignment.column[row])
        finding = state_demand(task.market, row, column, obstacles)
        reasons = (stated(ReasonCode.AWAITING_ROUND), *finding.reasons, *lost)
        codes = tuple(reason.code for reason in reasons)
        if self._is_as_then(then) and then.reason_codes != codes:
            self._returns.write(
                then,
                Finding(
                    Outcome.WAITING,
                    reasons,
                    task.reports[row].checks + finding.checks,
                    task.terms.network.stated(task.market.fallback, row),
                    task.policy.version,
                    round_id=task.round_id,
                ),
                now_us,
            )
        return codes

    def _record(
        self,
        solved: SolvedRound,
        matches: Iterable[Match],
        dropped_count: int,
        codes: list[tuple[ReasonCode, ...]],
    ) -> RoundRecord:
        task = solved.task
        made = list(matches)
        return RoundRecord(
            round_id=task.round_id,
            policy_version=task.policy.version,
            started_us=task.started_us,
            return_count=len(codes),
            demand_count=task.market.open_demand_count,
            candidate_count=len(task.market.graph.columns),
            matched_count=len(made),
            waiting_count=len(codes) - len(made) - len(task.routed_ids),
            warehouse_count=len(task.routed_ids),
            dropped_count=dropped_count,
            distance_sum_m=sum(match.distance_m for match in made),
            saving_micros=solved.solved.saving_micros,
            dual_micros=solved.solved.dual_micros,
            verified=True,
            reason_counts=count_reasons(codes),
            proof=solved.proof,
        )


def _pool_item(record: ReturnRecord, report: GateReport) -> PoolItem:
    assert report.rule is not None, "an item that passed has a rule"
    return PoolItem(record.item, report.rule, record.released_demand_ids)
