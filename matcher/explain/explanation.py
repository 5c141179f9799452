"""One decision explained: its gates, and a few plain sentences."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.decision import Decision, Outcome, WarehouseRoute
from matcher.domain.reason import Check, CheckResult, Gate, Reason

_OPENINGS = {
    Outcome.MATCHED: "The return goes to a buyer nearby",
    Outcome.WAITING: "The return waits for a decision",
    Outcome.WAREHOUSE: "The return takes the ordinary route",
    Outcome.CANCELLED: "The return was cancelled",
}


@dataclass(frozen=True, slots=True)
class GateFinding:
    """How one gate ended: its checks, and the reasons that belong to it."""

    gate: Gate
    passed: bool
    checks: tuple[Check, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The gates that were reached, in order, and the whole as a few sentences."""

    gates: tuple[GateFinding, ...]
    summary: str


def explain(decision: Decision) -> Explanation:
    """
    Explain a decision from nothing but what was recorded with it.

    Parameters
    ----------
    decision
        The decision, with its checks and reasons.

    Returns
    -------
    Explanation
        The same for the same decision, months later too. Names no place, no buyer
        and no demand, so that it may reach either side.
    """
    gates = tuple(
        _finding(decision, gate)
        for gate in Gate
        if any(check.gate is gate for check in decision.checks)
        or any(reason.code.gate is gate for reason in decision.reasons)
    )
    sentences = [
        f"{_OPENINGS[decision.outcome]}.",
        *(reason.text for reason in decision.reasons),
        *_route_sentences(decision),
        "Refund timing and terms are as for every return.",
    ]
    return Explanation(gates, " ".join(sentences))


def _finding(decision: Decision, gate: Gate) -> GateFinding:
    checks = tuple(check for check in decision.checks if check.gate is gate)
    return GateFinding(
        gate=gate,
        passed=all(check.result is CheckResult.PASSED for check in checks),
        checks=checks,
        reasons=tuple(r for r in decision.reasons if r.code.gate is gate),
    )


def _route_sentences(decision: Decision) -> list[str]:
    if decision.outcome is Outcome.CANCELLED:
        return []
    if decision.outcome is Outcome.WAREHOUSE:
        return [f"It goes {_way(decision.fallback)}."]
    return [f"The ordinary route stays open: {_way(decision.fallback)}."]


def _way(route: WarehouseRoute) -> str:
    if route.warehouse_id:
        return f"to warehouse {route.warehouse_id}, {route.distance_m} m away"
    return "by the brand's standard return"
