"""One-shot planning: a snapshot in, one route per return item out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from matcher.domain.decision import Decision, Outcome, WarehouseRoute
from matcher.domain.demand import DemandState
from matcher.domain.demand_floor import DemandFloor, SeenDemand
from matcher.domain.ids import RoundId, TenantId
from matcher.domain.match_limit import LimitKey
from matcher.domain.mode import Mode
from matcher.domain.policy import CategoryRule, Policy
from matcher.domain.reason import Check, Reason, ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.engine.counts import count_reasons
from matcher.engine.demand_gate import state_demand
from matcher.engine.ledger import decision_id, match_id
from matcher.engine.market import PoolItem, collect
from matcher.engine.market_demands import PlannedDemands, SkuOrders
from matcher.engine.match_groups import MatchGroups, PairKeys
from matcher.engine.network import Network, places_of
from matcher.engine.network_book import DAY_US
from matcher.engine.obstacles import Obstacles
from matcher.engine.open_demands import OpenDemands
from matcher.engine.proof import Proof
from matcher.engine.records import DemandRecord, RoundRecord
from matcher.engine.round_solve import SolvedMarket, solve_market
from matcher.engine.snapshot import Snapshot
from matcher.engine.statement import (
    matched_reason,
    route_findings,
    state_match,
)
from matcher.geo import ServiceAreas
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import GateReport, evaluate_gates, with_admission
from matcher.policy.volume import Admission, has_place
from matcher.policy.wording import stated
from matcher.solve import Assignment, CandidateGraph, Stop

DEFAULT_TENANT = TenantId("default")

_NUMBERED_LATER = decision_id(0)
_NO_ORDERS = SkuOrders(0, 0)


@dataclass(frozen=True, slots=True)
class Plan:
    """
    A route for each return item, and the proof that no plan is better.

    ``decisions`` stand in the order of the snapshot. ``return_ids`` and
    ``demand_ids`` name the rows and columns of ``solved``. ``keys`` are what each of
    them counts for under match limits, of which ``taken`` were taken before on ``day``.
    ``acting`` is what a policy in shadow mode would have given if it acted.
    """

    decisions: tuple[Decision, ...]
    summary: RoundRecord
    return_ids: tuple[str, ...]
    demand_ids: tuple[str, ...]
    solved: SolvedMarket
    keys: PairKeys
    day: int
    taken: Mapping[LimitKey, int]
    acting: RoundRecord | None = None

    @property
    def graph(self) -> CandidateGraph:
        """The candidates with their savings."""
        return self.solved.market.graph

    @property
    def assignment(self) -> Assignment:
        """The answer, in the weights of the policy's objective."""
        return self.solved.assignment

    @property
    def proof(self) -> Proof:
        """The certificate in a form that can be stored and checked elsewhere."""
        return self.solved.proof(self.return_ids, self.demand_ids)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The optimum, what its pairs count for, and what it leaves to nobody else."""

    solved: SolvedMarket
    keys: PairKeys
    obstacles: Obstacles | None


@dataclass(frozen=True, slots=True)
class _SnapshotDemands:
    """The demands of a snapshot, which are values of their own."""

    snapshot: Snapshot

    def orders_by_sku(self) -> Mapping[str, SkuOrders]:
        units: Counter[str] = Counter()
        orders: Counter[str] = Counter()
        for demand in self.snapshot.demands:
            if demand.accepts_returned_item:
                units[demand.sku] += demand.quantity
                orders[demand.sku] += 1
        return {sku: SkuOrders(units[sku], orders[sku]) for sku in orders}

    def market(
        self,
        network: Network,
        _: Iterable[tuple[ReturnItem, CategoryRule]],
        *,
        now_us: int,
    ) -> OpenDemands:
        return open_demands(self.snapshot, network, now_us)


@dataclass(slots=True)
class _Draft:
    """What is known so far about one item that no buyer takes."""

    item: ReturnItem
    checks: tuple[Check, ...]
    reasons: tuple[Reason, ...]


def plan(
    snapshot: Snapshot,
    policy: Policy,
    *,
    now_us: int,
    tenant: TenantId = DEFAULT_TENANT,
    threads: int = 1,
    stop: Stop | None = None,
    taken: Mapping[LimitKey, int] | None = None,
    demands: PlannedDemands | None = None,
) -> Plan:
    """
    Give every return item of a snapshot its one route.

    Parameters
    ----------
    snapshot
        Items, demands and network.
    policy
        The policy in force.
    now_us
        Instant at which all is evaluated, microseconds since the epoch.
    tenant
        Whose rollout counts.
    threads
        Threads for the solver; no influence on the answer.
    stop
        Ends the solver early when it is requested; the plan then has a gap.
    taken
        Places that matches of before have taken under match limits; a number below 0
        adds some.
    demands
        Demands that stand somewhere else than in the snapshot, which has none then.

    Returns
    -------
    Plan
        MATCHED or WAREHOUSE for each item. Pure: the same arguments give the same
        plan, whatever the order of the snapshot.

    Raises
    ------
    InvalidValueError
        If the policy's objective cannot put matches first in 64 bits.

    Notes
    -----
    Rows are the items that passed gates 1 and 2, by id; of two items that are
    equally good for a buyer, the solver's tie rule decides on that order.
    """
    network = Network(snapshot.warehouses, ServiceAreas.of(snapshot.service_areas))
    items = sorted(snapshot.return_items, key=lambda item: item.return_id)
    offered = demands or _SnapshotDemands(snapshot)
    reports = _admit(_evaluate(items, offered, network, policy, tenant, now_us), policy)
    pool = [
        PoolItem(item, report.rule)
        for item, report in zip(items, reports, strict=True)
        if report.passed and report.rule and item.decide_by_us > now_us
    ]
    market = collect(
        pool,
        offered.market(
            network, [(each.item, each.rule) for each in pool], now_us=now_us
        ),
        network,
        policy,
        remaining=network.daily_capacity,
        now_us=now_us,
        threads=threads,
    )
    keys = PairKeys.of(policy.match_limits, market, network)
    used = taken or {}
    solved = solve_market(
        market,
        objective=policy.objective,
        groups=MatchGroups.of(
            keys,
            market.graph,
            now_us // DAY_US,
            lambda key, limit: limit.count_max - used.get(key, 0),
        ),
        threads=threads,
        stop=stop,
    )
    answer = _Answer(solved, keys, Obstacles.of(policy, solved))
    decisions = _decide(items, reports, answer, network, policy, now_us)
    by_id = {decision.return_id: decision for decision in decisions}
    return Plan(
        decisions=tuple(by_id[item.return_id] for item in snapshot.return_items),
        summary=_summary(decisions, solved, policy, now_us),
        return_ids=tuple(entry.item.return_id for entry in pool),
        demand_ids=tuple(market.demand_ids),
        solved=solved,
        keys=keys,
        day=now_us // DAY_US,
        taken=used,
        acting=_acting(
            policy,
            lambda acts: plan(
                snapshot,
                acts,
                now_us=now_us,
                tenant=tenant,
                threads=threads,
                stop=stop,
                taken=used,
                demands=demands,
            ),
        ),
    )


def _acting(policy: Policy, planned: Callable[[Policy], Plan]) -> RoundRecord | None:
    # The same again with nothing changed but the mode.
    if policy.mode is not Mode.SHADOW:
        return None
    return planned(replace(policy, mode=Mode.ACT)).summary


def _evaluate(
    items: list[ReturnItem],
    demands: PlannedDemands,
    network: Network,
    policy: Policy,
    tenant: TenantId,
    now_us: int,
) -> list[GateReport]:
    places = places_of(items)
    served = network.in_service_area(places.lat, places.lng).tolist()
    seen = _seen(items, demands, policy)
    return [
        evaluate_gates(
            item,
            policy,
            tenant=tenant,
            surroundings=Surroundings(inside, demand=demand),
            now_us=now_us,
        )
        for item, inside, demand in zip(items, served, seen, strict=True)
    ]


def _seen(
    items: list[ReturnItem], demands: PlannedDemands, policy: Policy
) -> list[SeenDemand | None]:
    # The orders of the snapshot alone; on which days they came is not known.
    floors = [_floor_of(policy, item) for item in items]
    if not any(floors):
        return [None] * len(items)
    orders = demands.orders_by_sku()
    return [
        SeenDemand(floor.window_days, *orders.get(item.sku, _NO_ORDERS), -1)
        if floor is not None
        else None
        for item, floor in zip(items, floors, strict=True)
    ]


def _floor_of(policy: Policy, item: ReturnItem) -> DemandFloor | None:
    rule = policy.rule_for(item.category)
    return rule.demand_floor if rule is not None else None


def _admit(reports: list[GateReport], policy: Policy) -> list[GateReport]:
    # The volume cap over the snapshot alone, by id: there is no history to count.
    if policy.volume_cap is None:
        return reports
    eligible = admitted = 0
    settled: list[GateReport] = []
    for report in reports:
        gets = report.passed and has_place(policy.volume_cap, eligible, admitted)
        eligible += report.eligible
        admitted += gets
        admission = Admission.ADMITTED if gets else Admission.REFUSED
        settled.append(
            with_admission(report, policy, admission) if report.passed else report
        )
    return settled


def open_demands(snapshot: Snapshot, network: Network, now_us: int) -> OpenDemands:
    """Return the demands of a snapshot, none of which has been promised a unit."""
    demands = OpenDemands(network)
    # In the order of the ids, so that not even memory layout depends on the input.
    demands.update(
        [
            DemandRecord(demand, DemandState.OPEN, 0, 0, 1, now_us, now_us)
            for demand in sorted(snapshot.demands, key=lambda d: d.demand_id)
        ]
    )
    return demands


def _decide(
    items: list[ReturnItem],
    reports: list[GateReport],
    answer: _Answer,
    network: Network,
    policy: Policy,
    now_us: int,
) -> list[Decision]:
    solved = answer.solved
    row_of = {e.item.return_id: row for row, e in enumerate(solved.market.items)}
    matched: list[Decision] = []
    drafts: list[_Draft] = []
    for item, report in zip(items, reports, strict=True):
        row = row_of.get(item.return_id, -1)
        if row < 0:
            reasons = report.reasons
            if item.decide_by_us <= now_us:
                reasons = (stated(ReasonCode.DECIDE_BY_REACHED), *reasons)
            drafts.append(_Draft(item, report.checks, reasons))
            continue
        column = int(solved.assignment.column[row])
        finding = state_demand(solved.market, row, column, answer.obstacles)
        checks = report.checks + finding.checks
        if finding.reasons:
            drafts.append(_Draft(item, checks, finding.reasons))
        else:
            matched.append(
                _matched(answer, row, checks, network, policy, now_us, len(matched))
            )
    decisions = matched + _routed(drafts, network, policy, now_us)
    decisions.sort(key=lambda decision: decision.return_id)
    return [
        replace(decision, decision_id=decision_id(number))
        for number, decision in enumerate(decisions, start=1)
    ]


def _matched(
    answer: _Answer,
    row: int,
    checks: tuple[Check, ...],
    network: Network,
    policy: Policy,
    now_us: int,
    number: int,
) -> Decision:
    solved = answer.solved
    item = solved.market.items[row].item
    match = state_match(
        solved,
        row,
        match_id=match_id(number + 1),
        round_id=RoundId(""),
        policy=policy,
        keys=answer.keys,
        now_us=now_us,
        latest_us=item.decide_by_us,
    )
    return Decision(
        decision_id=_NUMBERED_LATER,
        return_id=item.return_id,
        outcome=Outcome.MATCHED,
        reasons=(matched_reason(match, policy),),
        checks=checks,
        fallback=network.stated(solved.market.fallback, row),
        policy_version=policy.version,
        decided_us=now_us,
        match=match,
        refund_due_us=item.refund_due_us,
        path=item.preferred_path,
    )


def _routed(
    drafts: list[_Draft], network: Network, policy: Policy, now_us: int
) -> list[Decision]:
    routes = network.route(
        places_of([draft.item for draft in drafts]),
        network.daily_capacity,
        policy.cost_model.standard_return_micros,
    )
    return [
        _to_warehouse(draft, route, policy, now_us)
        for draft, route in zip(drafts, routes, strict=True)
    ]


def _to_warehouse(
    draft: _Draft, route: WarehouseRoute, policy: Policy, now_us: int
) -> Decision:
    checks, reasons = route_findings(route)
    return Decision(
        decision_id=_NUMBERED_LATER,
        return_id=draft.item.return_id,
        outcome=Outcome.WAREHOUSE,
        reasons=(*draft.reasons, *reasons),
        checks=draft.checks + checks,
        fallback=route,
        policy_version=policy.version,
        decided_us=now_us,
        warehouse=route,
        refund_due_us=draft.item.refund_due_us,
        path=draft.item.preferred_path,
    )


def _summary(
    decisions: list[Decision], solved: SolvedMarket, policy: Policy, now_us: int
) -> RoundRecord:
    matches = [decision.match for decision in decisions if decision.match]
    return RoundRecord(
        round_id=RoundId(""),
        policy_version=policy.version,
        started_us=now_us,
        return_count=len(decisions),
        demand_count=solved.market.open_demand_count,
        candidate_count=len(solved.market.graph.columns),
        matched_count=len(matches),
        waiting_count=0,
        warehouse_count=len(decisions) - len(matches),
        dropped_count=0,
        distance_sum_m=sum(match.distance_m for match in matches),
        saving_micros=solved.saving_micros,
        dual_micros=solved.dual_micros,
        verified=True,
        reason_counts=count_reasons(
            [reason.code for reason in decision.reasons] for decision in decisions
        ),
    )
