"""The return items of a shard: their states, and the decisions that moved them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from operator import not_

from matcher.domain.decision import Decision, Outcome, WarehouseRoute
from matcher.domain.demand_floor import SeenDemand
from matcher.domain.errors import NotFoundError
from matcher.domain.ids import DecisionId, DemandId, LabelId, ReturnId, RoundId
from matcher.domain.item_outcome import Arrival
from matcher.domain.lifecycle import DECIDED_STATES, RETURNS
from matcher.domain.match import Match
from matcher.domain.reason import Check, Gate, Reason, ReasonCode
from matcher.domain.return_item import ReturnItem, ReturnState
from matcher.domain.trigger import Trigger
from matcher.engine.answers import ReturnAnswer
from matcher.engine.gate_keeper import GateKeeper
from matcher.engine.ledger import Ledger
from matcher.engine.network_book import NetworkBook
from matcher.engine.policy_book import PolicyBook
from matcher.engine.records import ReturnRecord
from matcher.engine.shadow_book import ShadowBook, kept_out
from matcher.engine.sku_book import SkuBook
from matcher.engine.standing import OutcomeRecord, standing_after
from matcher.engine.statement import route_findings
from matcher.engine.timetable import Timetable
from matcher.policy.gates import GateReport
from matcher.policy.volume import Admission
from matcher.policy.wording import stated


@dataclass(frozen=True, slots=True)
class Case:
    """A return item to be decided outside a round, and what happened to it."""

    record: ReturnRecord
    happened: tuple[Reason, ...] = ()
    void_label_ids: tuple[LabelId, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a decision says."""

    outcome: Outcome
    reasons: tuple[Reason, ...]
    checks: tuple[Check, ...]
    fallback: WarehouseRoute
    policy_version: int
    match: Match | None = None
    round_id: RoundId = RoundId("")
    void_label_ids: tuple[LabelId, ...] = ()


class ReturnBook:
    """
    Return items that wait or are matched, and the deadline of each that waits.

    Every change of state goes through a decision, except the confirmation of a
    match, which carries out the decision that made it.

    Attributes
    ----------
    shadows
        Those that were kept out and would have waited.
    """

    def __init__(
        self,
        ledger: Ledger,
        gates: GateKeeper,
        policies: PolicyBook,
        network: NetworkBook,
        skus: SkuBook,
        decide_margin_us: int,
        shadows: ShadowBook,
    ) -> None:
        self.shadows = shadows
        self._ledger = ledger
        self._gates = gates
        self._policies = policies
        self._network = network
        self._skus = skus
        self._margin_us = decide_margin_us
        self._live: dict[ReturnId, ReturnRecord] = {}
        # Settled since the last commit: the archive may not know it yet.
        self._settled: dict[ReturnId, ReturnRecord] = {}
        # What the archive said of ids that commands are about to name.
        self._looked_up: dict[ReturnId, ReturnRecord | None] = {}
        self._deadlines: Timetable[ReturnId] = Timetable()

    def __len__(self) -> int:
        return len(self._live)

    def load(self, records: Iterable[ReturnRecord]) -> None:
        """Take the live return items of a store."""
        for record in records:
            self._live[record.item.return_id] = record
            self._watch(record)

    def committed(self) -> None:
        """Forget settled items: the archive has them now."""
        self._settled.clear()

    def expect(self, ids: Iterable[ReturnId]) -> None:
        """Look up ids that commands are about to name, all in one go."""
        cold = [i for i in ids if i not in self._live and i not in self._settled]
        found = self._ledger.archive.returns(cold) if cold else {}
        self._looked_up = {each: found.get(each) for each in cold}

    def live(self, return_id: ReturnId) -> ReturnRecord | None:
        """Return an item that waits or is matched."""
        return self._live.get(return_id)

    def waiting(self) -> list[ReturnRecord]:
        """Return the waiting items, in no order."""
        return [r for r in self._live.values() if r.state is ReturnState.WAITING]

    def find_all(self, ids: Iterable[ReturnId]) -> dict[ReturnId, ReturnRecord]:
        """Return the items that exist among ``ids``."""
        found: dict[ReturnId, ReturnRecord] = {}
        cold: list[ReturnId] = []
        for return_id in ids:
            record = self._live.get(return_id) or self._settled.get(return_id)
            if record is None and (record := self._looked_up.get(return_id)):
                self._ledger.archive.used_return(record)
            if record is not None:
                found[return_id] = record
            elif return_id not in self._looked_up:
                cold.append(return_id)
        if cold:
            found.update(self._ledger.archive.returns(cold))
        return found

    def find(self, return_id: ReturnId) -> ReturnRecord:
        """Return an item, or raise :class:`NotFoundError`."""
        record = self.find_all([return_id]).get(return_id)
        if record is None:
            raise NotFoundError("return", return_id)
        return record

    def answer(self, record: ReturnRecord) -> ReturnAnswer:
        """Return an item with its latest decision."""
        return ReturnAnswer(record, self._ledger.decision(record.decision_id))

    def enter(
        self, items: Sequence[tuple[ReturnItem, str]], now_us: int
    ) -> list[ReturnAnswer]:
        """Take new items, each with its payload hash, and decide them together."""
        return self.decide(
            [
                Case(_new_record(item, payload, self._seen(item, now_us), now_us))
                for item, payload in items
            ],
            now_us,
        )

    def _seen(self, item: ReturnItem, now_us: int) -> SeenDemand | None:
        # Looked at once: what becomes of the demand later is for rounds to see.
        policy = self._policies.active
        rule = policy.rule_for(item.category) if policy else None
        if rule is None or rule.demand_floor is None:
            return None
        return self._skus.seen(item.sku, rule.demand_floor, now_us)

    def reports(self, records: Sequence[ReturnRecord], now_us: int) -> list[GateReport]:
        """Return the report of gates 1 and 2 of each item."""
        return self._gates.reports(records, now_us)

    def decide(self, cases: Sequence[Case], now_us: int) -> list[ReturnAnswer]:
        """
        Decide items by gates 1 and 2 and the time left.

        One that passes, or waits for an inspection, waits; any other goes to a
        warehouse, all of them routed together. What was last found about demand
        stands beside the reason if time ran out.
        """
        for case in cases:
            self._gates.forget(case.record.item.return_id)
        cases, reports = self._admitted(
            cases, self.reports([case.record for case in cases], now_us), now_us
        )
        found = [
            self._judge(case, report, now_us)
            for case, report in zip(cases, reports, strict=True)
        ]
        routes = self._routes(cases, found, now_us)
        answers = [
            self._conclude(case, outcome, reasons, checks, report, route, now_us)
            for case, report, route, (outcome, reasons, checks) in zip(
                cases, reports, routes, found, strict=True
            )
        ]
        self._keep_shadows(answers, reports, now_us)
        return answers

    def write(
        self, record: ReturnRecord, finding: Finding, now_us: int
    ) -> ReturnAnswer:
        """Write a decision and move the item to the state that it names."""
        is_routed = finding.outcome is Outcome.WAREHOUSE
        decision = Decision(
            decision_id=self._ledger.next_decision_id(),
            return_id=record.item.return_id,
            outcome=finding.outcome,
            reasons=finding.reasons,
            checks=finding.checks,
            fallback=finding.fallback,
            policy_version=finding.policy_version,
            decided_us=now_us,
            match=finding.match,
            warehouse=finding.fallback if is_routed else None,
            round_id=finding.round_id,
            refund_due_us=record.item.refund_due_us,
            path=record.item.preferred_path,
            void_label_ids=finding.void_label_ids,
        )
        self._ledger.note(decision)
        state = DECIDED_STATES[finding.outcome]
        assert RETURNS.leads(record.state, state), (record.item.return_id, state)
        moved = replace(
            record,
            state=state,
            version=record.version + 1,
            updated_us=now_us,
            decision_id=decision.decision_id,
            outcome=finding.outcome,
            reason_codes=tuple(reason.code for reason in finding.reasons),
            match_id=finding.match.match_id if finding.match else record.match_id,
            standing=standing_after(
                record.standing,
                finding.policy_version,
                finding.checks,
                finding.match,
                finding.fallback,
                now_us,
            ),
        )
        self._keep(moved)
        return ReturnAnswer(moved, decision)

    def confirmed(self, match: Match, now_us: int) -> ReturnRecord:
        """Note that the match of an item was confirmed."""
        record = self._live[match.return_id]
        confirmed = replace(
            record,
            state=RETURNS.moved(record.state, Trigger.CONFIRM, ReturnState.CONFIRMED),
            version=record.version + 1,
            updated_us=now_us,
        )
        self._keep(confirmed)
        return confirmed

    def came_of(
        self, record: ReturnRecord, outcome: OutcomeRecord, now_us: int
    ) -> ReturnRecord:
        """Note what became of an item; one that arrived at its buyer is completed."""
        state = record.state
        if outcome.outcome.arrival is Arrival.ARRIVED and record.is_confirmed:
            state = ReturnState.COMPLETED
        noted = replace(
            record,
            state=RETURNS.moved(record.state, Trigger.RECORD_OUTCOME, state),
            version=record.version + 1,
            updated_us=now_us,
            outcome_record=outcome,
        )
        self._keep(noted)
        # One that went to a warehouse may have a shadow.
        self.shadows.renewed(noted)
        return noted

    def freed(
        self, matches: Sequence[Match], code: ReasonCode, now_us: int
    ) -> list[ReturnAnswer]:
        """Decide the items of matches that ended without a confirmation anew."""
        cases = []
        for match in matches:
            record = self._live[match.return_id]
            if code is ReasonCode.MATCH_RELEASED:
                released = (*record.released_demand_ids, match.demand_id)
                record = replace(record, released_demand_ids=released)
            cases.append(Case(record, (stated(code),), match.must_void_ids))
        return self.decide(cases, now_us)

    def cancel(
        self, record: ReturnRecord, released: Match | None, now_us: int
    ) -> ReturnAnswer:
        """Cancel an item; its hold, if any, has been given back."""
        previous = self._ledger.decision(record.decision_id)
        finding = Finding(
            Outcome.CANCELLED,
            (stated(ReasonCode.RETURN_CANCELLED),),
            (),
            previous.fallback,
            previous.policy_version,
            void_label_ids=released.must_void_ids if released else (),
        )
        return self.write(record, finding, now_us)

    def keep_settled(self, record: ReturnRecord) -> None:
        """Take another version of an item that is settled and stays so."""
        assert not record.is_live, f"return {record.item.return_id!r} is live"
        self._looked_up.pop(record.item.return_id, None)
        self._keep(record)

    def overdue(
        self, now_us: int, happened: tuple[Reason, ...] = ()
    ) -> list[ReturnAnswer]:
        """Send the items whose time is up to warehouses."""
        due = canonical(self._live[each] for each in self._deadlines.take_due(now_us))
        return self.decide([Case(record, happened) for record in due], now_us)

    def next_us(self) -> int | None:
        """Return when the next item's time is up."""
        return self._deadlines.next_us()

    def _admitted(
        self, cases: Sequence[Case], reports: Sequence[GateReport], now_us: int
    ) -> tuple[list[Case], list[GateReport]]:
        # Whoever is eligible for the first time is counted, and asks for a place if
        # nothing else stands in the way. In canonical order: places may run out.
        policy = self._policies.active
        cases, reports = list(cases), list(reports)
        if policy is None:
            return cases, reports
        fresh = [
            at
            for at, (case, report) in enumerate(zip(cases, reports, strict=True))
            if report.eligible
            and case.record.admission is Admission.UNSPECIFIED
            and now_us < self._deadline_us(case.record)
        ]
        fresh.sort(key=lambda at: _place(cases[at].record))
        asks = [reports[at].passed for at in fresh]
        gets = asks
        if policy.volume_cap is not None:
            gets = self._policies.volume.count(policy.volume_cap, asks, now_us)
        for at, asked, got in zip(fresh, asks, gets, strict=True):
            admission = Admission.ADMITTED if got else Admission.REFUSED
            record = replace(cases[at].record, admission=admission)
            cases[at] = replace(cases[at], record=record)
            if asked:
                reports[at] = self._gates.admit(record, reports[at], policy)
        return cases, reports

    def _judge(
        self, case: Case, report: GateReport, now_us: int
    ) -> tuple[Outcome, tuple[Reason, ...], tuple[Check, ...]]:
        reasons = case.happened + report.reasons
        if now_us >= self._deadline_us(case.record):
            late, checks = self._found_before(case.record)
            reached = stated(ReasonCode.DECIDE_BY_REACHED)
            reasons = (*case.happened, reached, *report.reasons, *late)
            return Outcome.WAREHOUSE, reasons, report.checks + checks
        if report.passed:
            waits = stated(ReasonCode.AWAITING_ROUND)
            return Outcome.WAITING, (*case.happened, waits), report.checks
        # Whoever waits keeps the place during a pause; nobody new comes in.
        stays = report.paused and case.record.state is ReturnState.WAITING
        outcome = Outcome.WAITING if report.pending or stays else Outcome.WAREHOUSE
        return outcome, reasons, report.checks

    def _found_before(
        self, record: ReturnRecord
    ) -> tuple[list[Reason], tuple[Check, ...]]:
        # What the last round found about demand, for an item that ran out of time.
        if not record.decision_id or record.outcome is not Outcome.WAITING:
            return [], ()
        last = self._ledger.decision(record.decision_id)
        return (
            [reason for reason in last.reasons if reason.code.gate is Gate.DEMAND],
            tuple(check for check in last.checks if check.gate is Gate.DEMAND),
        )

    def _routes(
        self,
        cases: Sequence[Case],
        found: Sequence[tuple[Outcome, tuple[Reason, ...], tuple[Check, ...]]],
        now_us: int,
    ) -> list[WarehouseRoute]:
        # Those that go now are routed together and count; the rest are told of
        # the route that stays open to them.
        policy = self._policies.active
        standard = policy.cost_model.standard_return_micros if policy else 0
        goes = [outcome is Outcome.WAREHOUSE for outcome, _, _ in found]
        items = [case.record.item for case in cases]
        leaving, staying = compress(items, goes), compress(items, map(not_, goes))
        routed = iter(self._network.routed([*leaving], standard, now_us))
        open_routes = iter(self._network.open_routes([*staying], standard, now_us))
        return [next(routed if go else open_routes) for go in goes]

    def _conclude(
        self,
        case: Case,
        outcome: Outcome,
        reasons: tuple[Reason, ...],
        checks: tuple[Check, ...],
        report: GateReport,
        route: WarehouseRoute,
        now_us: int,
    ) -> ReturnAnswer:
        if outcome is Outcome.WAREHOUSE:
            route_checks, route_reasons = route_findings(route)
            checks, reasons = checks + route_checks, (*reasons, *route_reasons)
        finding = Finding(
            outcome,
            reasons,
            checks,
            route,
            report.policy_version,
            void_label_ids=case.void_label_ids,
        )
        return self.write(case.record, finding, now_us)

    def _keep_shadows(
        self,
        answers: Sequence[ReturnAnswer],
        reports: Sequence[GateReport],
        now_us: int,
    ) -> None:
        in_time = (
            (answer.record, report.kept_out)
            for answer, report in zip(answers, reports, strict=True)
            if now_us < self._deadline_us(answer.record)
        )
        for record, code in kept_out(in_time):
            self.shadows.enter(record, code, reports[0].policy_version, now_us)

    def _deadline_us(self, record: ReturnRecord) -> int:
        return record.item.decide_by_us - self._margin_us

    def _watch(self, record: ReturnRecord) -> None:
        if record.state is ReturnState.WAITING:
            self._deadlines.set(record.item.return_id, self._deadline_us(record))
        else:
            self._deadlines.drop(record.item.return_id)

    def _keep(self, record: ReturnRecord) -> None:
        return_id = record.item.return_id
        if record.is_live:
            self._live[return_id] = record
        else:
            self._live.pop(return_id, None)
            self._settled[return_id] = record
            self._gates.forget(return_id)
        self._watch(record)
        self._ledger.changes.returns[return_id] = record


def canonical(records: Iterable[ReturnRecord]) -> list[ReturnRecord]:
    """Return items in canonical order: older first, then by id."""
    return sorted(records, key=_place)


def _place(record: ReturnRecord) -> tuple[int, ReturnId]:
    return record.created_us, record.item.return_id


def _new_record(
    item: ReturnItem, payload_hash: str, seen: SeenDemand | None, now_us: int
) -> ReturnRecord:
    # Its first decision, written in the same breath, gives it version 1.
    return ReturnRecord(
        item=item,
        state=ReturnState.UNSPECIFIED,
        payload_hash=payload_hash,
        version=0,
        created_us=now_us,
        updated_us=now_us,
        decision_id=DecisionId(""),
        outcome=Outcome.UNSPECIFIED,
        reason_codes=(),
        released_demand_ids=tuple[DemandId, ...](),
        seen_demand=seen,
    )
