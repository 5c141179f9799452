"""What reports count a return item as, kept beside its state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matcher.domain.decision import WarehouseRoute
from matcher.domain.item_outcome import ItemOutcome
from matcher.domain.match import Match
from matcher.domain.reason import Check, CheckResult, Gate
from matcher.domain.shadow import CONTROL_CODES

# Whoever fails nothing else is eligible: these say how many may go, not which (R25).
_HOW_MANY = frozenset(CONTROL_CODES)
_FAILED = CheckResult.FAILED


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What the latest decision says for a report.

    Parameters
    ----------
    policy_version
        The version that made it; 0 is none.
    is_verified, is_eligible
        Whether gate 1 passed; whether nothing stood in the way but rollout, cap and
        mode.
    matched_us
        When the promise was made that it has; ``None`` without one.
    distance_m, saving_micros
        Of that promise.
    fallback_distance_m
        Metres to the warehouse that it would have gone to; ``None`` if none is stored.
    """

    policy_version: int = 0
    is_verified: bool = False
    is_eligible: bool = False
    matched_us: int | None = None
    distance_m: int = 0
    saving_micros: int = 0
    fallback_distance_m: int | None = None


NO_STANDING = Standing()


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """
    An outcome with when it was recorded.

    ``program_number`` is the last event of the program by then: it tells whether the
    guardrails still count it.
    """

    outcome: ItemOutcome
    recorded_us: int
    program_number: int


def standing_after(
    before: Standing,
    policy_version: int,
    checks: Iterable[Check],
    match: Match | None,
    fallback: WarehouseRoute,
    now_us: int,
) -> Standing:
    """Return the standing after a decision; one without checks judges nothing anew."""
    verified, eligible = _judged(checks, before)
    if match is None:
        return Standing(policy_version, verified, eligible)
    return Standing(
        policy_version,
        verified,
        eligible,
        now_us,
        match.distance_m,
        match.saving_micros,
        fallback.distance_m if fallback.warehouse_id else None,
    )


def _judged(checks: Iterable[Check], before: Standing) -> tuple[bool, bool]:
    eligible = True
    any_check = False
    for check in checks:
        any_check = True
        if check.result is not _FAILED:
            continue
        if check.gate is Gate.VERIFICATION:
            return False, False
        if check.gate is Gate.ELIGIBILITY and check.reason not in _HOW_MANY:
            eligible = False
    if not any_check:
        return before.is_verified, before.is_eligible
    return True, eligible
