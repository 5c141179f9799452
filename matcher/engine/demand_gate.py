"""Gate 3 in words: what the market held for one pool item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from matcher.domain.policy import MatchKey
from matcher.domain.reason import Check, CheckResult, Gate, Reason, ReasonCode
from matcher.engine.market import Market, Verdict
from matcher.engine.obstacles import LIMIT_CHECKS, Obstacles, RowObstacles
from matcher.policy.wording import stated

# Each test on a demand in the radius: its check, and the reason if none is left.
_TESTS = (
    (
        Verdict.OUTSIDE_SERVICE_AREA,
        "demand_in_service_area",
        "inside a service area",
        ReasonCode.DEMAND_OUTSIDE_SERVICE_AREA,
    ),
    (
        Verdict.NEEDS_BETTER_CONDITION,
        "demand_takes_condition",
        "takes the item's condition",
        ReasonCode.DEMAND_NEEDS_BETTER_CONDITION,
    ),
    (
        Verdict.SHIPS_TOO_SOON,
        "demand_ships_later",
        "ships after the handling time",
        ReasonCode.DEMAND_SHIPS_TOO_SOON,
    ),
    (
        Verdict.RELEASED_BEFORE,
        "demand_not_released",
        "not released from this item",
        ReasonCode.DEMAND_RELEASED_BEFORE,
    ),
    (
        Verdict.NO_LABEL_RATE,
        "demand_has_label_rate",
        "a label rate",
        ReasonCode.NO_LABEL_RATE,
    ),
    (
        Verdict.SAVING_BELOW_THRESHOLD,
        "saving_sufficient",
        "at least {min_saving_micros:,} micros",
        ReasonCode.SAVING_BELOW_THRESHOLD,
    ),
)


@dataclass(frozen=True, slots=True)
class DemandFinding:
    """Checks of gate 3, and its reasons: none exactly if the item got a buyer."""

    checks: tuple[Check, ...]
    reasons: tuple[Reason, ...]


def state_demand(
    market: Market, row: int, column: int, obstacles: Obstacles | None = None
) -> DemandFinding:
    """
    State gate 3 of one pool item.

    Parameters
    ----------
    market
        The round's market.
    row
        Position of the item.
    column
        Demand that the optimum gave it, ``-1`` for none.
    obstacles
        What is used up besides units, or by another objective than the saving.

    Returns
    -------
    DemandFinding
        One check per test. A test that dropped some demands in the radius fails
        only if no demand passed them all; its reason counts what it dropped.
    """
    counts = market.verdict_count[row]
    in_radius = int(counts.sum())
    checks = [_open_orders(market, row), _radius(market, row, in_radius)]
    candidates = int(counts[Verdict.CANDIDATE])
    left = in_radius
    least = market.items[row].rule.min_saving_micros
    for verdict, name, template, code in _TESTS:
        accepted = template.format(min_saving_micros=least)
        dropped = int(counts[verdict])
        observed = f"{left - dropped} of {left}"
        if left == 0:
            checks.append(_check(name, CheckResult.SKIPPED, "", accepted))
        elif dropped and candidates == 0:
            checks.append(_check(name, CheckResult.FAILED, observed, accepted, code))
        else:
            checks.append(_check(name, CheckResult.PASSED, observed, accepted))
        left -= dropped
    found = obstacles.of_row(row) if obstacles is not None else _UNLIMITED
    checks.append(_unit(candidates, column, found))
    checks += _limits(candidates, column, found)
    return DemandFinding(tuple(checks), _reasons(market, row, checks, found))


def _open_orders(market: Market, row: int) -> Check:
    by_sku = market.items[row].rule.match_key is MatchKey.SKU
    accepted = f"open orders of the {'SKU' if by_sku else 'category'}"
    count = int(market.key_count[row])
    if count:
        return _check("open_orders", CheckResult.PASSED, str(count), accepted)
    return _check(
        "open_orders", CheckResult.FAILED, "0", accepted, ReasonCode.NO_DEMAND
    )


def _radius(market: Market, row: int, in_radius: int) -> Check:
    name = "within_radius"
    radius_m = market.items[row].rule.radius_m
    accepted = f"within {radius_m} m"
    if not market.key_count[row]:
        return _check(name, CheckResult.SKIPPED, "", accepted)
    if in_radius:
        return _check(name, CheckResult.PASSED, str(in_radius), accepted)
    nearest = f"nearest at {int(market.nearest_m[row])} m"
    return _check(name, CheckResult.FAILED, nearest, accepted, ReasonCode.OUT_OF_RADIUS)


_UNLIMITED = RowObstacles(0, ())
_TO_BETTER, _TO_OTHERS = "items that save more with them", "other items"


def _unit(candidates: int, column: int, found: RowObstacles) -> Check:
    name, accepted = "unit_left", "a unit in the optimum"
    if not candidates:
        return _check(name, CheckResult.SKIPPED, "", accepted)
    observed = f"{candidates} candidates"
    # Only limits stand in the way if each candidate has a unit left.
    if column >= 0 or (found.is_limited and not found.gone_count):
        return _check(name, CheckResult.PASSED, observed, accepted)
    return _check(
        name, CheckResult.FAILED, observed, accepted, ReasonCode.DEMAND_CAPACITY
    )


def _limits(candidates: int, column: int, found: RowObstacles) -> Iterator[Check]:
    for each in found.limits:
        name, code = LIMIT_CHECKS[each.scope]
        if not candidates:
            yield _check(name, CheckResult.SKIPPED, "", each.accepted)
        elif column < 0 and each.full:
            observed = f"reached for {each.behind_count} of {candidates} candidates"
            yield _check(name, CheckResult.FAILED, observed, each.accepted, code)
        else:
            yield _check(name, CheckResult.PASSED, "places left", each.accepted)


def _reasons(
    market: Market, row: int, checks: list[Check], found: RowObstacles
) -> tuple[Reason, ...]:
    return tuple(
        _reason(market, row, check.reason, found)
        for check in checks
        if check.result is CheckResult.FAILED
    )


def _reason(market: Market, row: int, code: ReasonCode, found: RowObstacles) -> Reason:
    rule = market.items[row].rule
    if code is ReasonCode.OUT_OF_RADIUS:
        return stated(code, observed=int(market.nearest_m[row]), accepted=rule.radius_m)
    for verdict, _, _, of_test in _TESTS:
        if of_test is code:
            return stated(
                code,
                observed=int(market.verdict_count[row, verdict]),
                accepted=rule.min_saving_micros,
                best=int(market.best_micros[row]),
            )
    for each in found.limits:
        if LIMIT_CHECKS[each.scope][1] is code:
            return stated(code, observed=each.behind_count, accepted=each.full)
    candidates = int(market.verdict_count[row, Verdict.CANDIDATE])
    gone = found.gone_count or candidates
    is_all = gone == candidates
    return stated(
        code,
        observed=f"All {candidates}" if is_all else f"{gone} of {candidates}",
        accepted=_TO_BETTER if found.saves_most and not found.limits else _TO_OTHERS,
    )


# The same words serve many items: see matcher/policy/findings.py.
@lru_cache(maxsize=10_000)
def _check(
    name: str,
    result: CheckResult,
    observed: str,
    accepted: str,
    reason: ReasonCode = ReasonCode.UNSPECIFIED,
) -> Check:
    return Check(Gate.DEMAND, name, result, observed, accepted, reason)
