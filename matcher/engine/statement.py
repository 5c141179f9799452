"""How the parts of a decision are put together, in plans and in rounds alike."""

from __future__ import annotations

from matcher.domain.decision import WarehouseRoute
from matcher.domain.ids import MatchId, RoundId
from matcher.domain.match import HoldState, Match
from matcher.domain.policy import Policy
from matcher.domain.reason import Check, CheckResult, Gate, Reason, ReasonCode
from matcher.engine.match_groups import PairKeys
from matcher.engine.network_book import DAY_US
from matcher.engine.round_solve import SolvedMarket
from matcher.policy.wording import stated
from matcher.policy.words import objective_words


def state_match(
    solved: SolvedMarket,
    row: int,
    *,
    match_id: MatchId,
    round_id: RoundId,
    policy: Policy,
    keys: PairKeys,
    now_us: int,
    latest_us: int,
) -> Match:
    """
    State the match that the optimum gave to a row.

    The hold ends after the policy's hold time, but not after ``latest_us`` and not
    so late that the demand's ordinary shipment would have to be on its way.
    """
    market = solved.market
    day = now_us // DAY_US
    column = int(solved.assignment.column[row])
    edge = market.edge(row, column)
    demand = market.demands[column].demand
    expire_us = min(
        now_us + policy.hold_duration_us,
        latest_us,
        demand.ship_by_us - policy.handling_duration_us,
    )
    return Match(
        match_id=match_id,
        return_id=market.items[row].item.return_id,
        demand_id=demand.demand_id,
        distance_m=int(market.distance_m[edge]),
        match_cost_micros=int(market.label_micros[edge]),
        fallback_cost_micros=int(market.fallback_micros[edge]),
        saving_micros=int(market.graph.saving[edge]),
        hold_state=HoldState.ACTIVE,
        hold_expire_us=expire_us,
        round_id=round_id,
        policy_version=policy.version,
        places=keys.places(row, column, day),
    )


def matched_reason(match: Match, policy: Policy) -> Reason:
    """Return the reason of a matched decision."""
    return stated(
        ReasonCode.MATCHED_BEST_SAVING,
        observed=match.distance_m,
        accepted=objective_words(policy.objective, policy.match_limits),
    )


def route_findings(route: WarehouseRoute) -> tuple[tuple[Check, ...], list[Reason]]:
    """Return what is to be said about a warehouse route besides the route."""
    found = bool(route.warehouse_id)
    name, accepted = "warehouse_takes_category", "a warehouse of the tenant"
    if not found:
        code = ReasonCode.STANDARD_WAREHOUSE_ROUTE
        check = _check(name, CheckResult.FAILED, "none", accepted, code)
        return (check,), [stated(code)]
    taken = _check(name, CheckResult.PASSED, route.warehouse_id, accepted)
    name, accepted = "warehouse_within_capacity", "units left today"
    if not route.over_capacity:
        return (taken, _check(name, CheckResult.PASSED, "left", accepted)), []
    code = ReasonCode.WAREHOUSE_OVER_CAPACITY
    full = _check(name, CheckResult.FAILED, "none", accepted, code)
    return (taken, full), [stated(code)]


def _check(
    name: str,
    result: CheckResult,
    observed: str,
    accepted: str,
    reason: ReasonCode = ReasonCode.UNSPECIFIED,
) -> Check:
    return Check(Gate.ROUTING, name, result, observed, accepted, reason)
