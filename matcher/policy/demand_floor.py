"""Whether a SKU has enough demand, and a floor in words."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.demand_floor import DemandFloor, SeenDemand
from matcher.domain.policy import BASIS_POINTS, CategoryRule
from matcher.domain.reason import Gate, ReasonCode
from matcher.policy.findings import Findings
from matcher.policy.words import share_words

#: Name of the check.
FLOOR_CHECK = "sku_demand_sufficient"

_ANY = "any"
_BEFORE = "submitted before it was asked"


def floor_words(floor: DemandFloor | None) -> str:
    """Return what a floor asks for."""
    if floor is None:
        return _ANY
    days = floor.window_days
    asked = []
    if floor.min_open_units:
        asked.append(f"{floor.min_open_units:,} open units")
    if floor.min_orders:
        asked.append(f"{floor.min_orders:,} orders in {_days(days)}")
    if floor.min_steadiness_basis_points:
        share = share_words(floor.min_steadiness_basis_points)
        asked.append(f"orders on {share} of {_days(days)}")
    return f"at least {', '.join(asked)}" if asked else _ANY


def floor_check(
    findings: Findings, rule: CategoryRule | None, seen: SeenDemand | None
) -> None:
    """Add the check of a SKU's demand, as it was when the item was submitted."""
    if rule is None:
        findings.skipped(Gate.ELIGIBILITY, FLOOR_CHECK, "needs a rule for the category")
        return
    floor = rule.demand_floor
    accepted = floor_words(floor)
    if floor is None:
        findings.passed(Gate.ELIGIBILITY, FLOOR_CHECK, accepted, accepted)
    elif seen is None or seen.window_days != floor.window_days:
        # Whoever waits already stays in, as with the volume cap.
        findings.passed(Gate.ELIGIBILITY, FLOOR_CHECK, _BEFORE, accepted)
    elif is_enough(floor, seen):
        findings.passed(Gate.ELIGIBILITY, FLOOR_CHECK, _seen_words(seen), accepted)
    else:
        findings.failed(
            ReasonCode.SKU_DEMAND_TOO_THIN, FLOOR_CHECK, _seen_words(seen), accepted
        )


def is_enough(floor: DemandFloor, seen: SeenDemand) -> bool:
    """Return whether the demand that was seen reaches a floor."""
    is_steady = seen.order_day_count < 0 or (
        seen.order_day_count * BASIS_POINTS
        >= floor.min_steadiness_basis_points * seen.window_days
    )
    return (
        seen.open_unit_count >= floor.min_open_units
        and seen.order_count >= floor.min_orders
        and is_steady
    )


@dataclass(frozen=True, slots=True, eq=False)
class FloorWidth:
    """
    How much a floor lets through, for comparisons.

    Wider if it asks for less of anything, narrower if it asks for more of anything; so
    one may be both.
    """

    asks: tuple[int, int, int]

    @classmethod
    def of(cls, floor: DemandFloor | None) -> FloorWidth:
        """Return the width of a floor; none asks for nothing."""
        if floor is None:
            return cls((0, 0, 0))
        return cls(
            (
                floor.min_open_units,
                floor.min_orders,
                floor.min_steadiness_basis_points,
            )
        )

    def __gt__(self, other: FloorWidth) -> bool:
        pairs = zip(self.asks, other.asks, strict=True)
        return any(mine < theirs for mine, theirs in pairs)

    def __lt__(self, other: FloorWidth) -> bool:
        return other > self


def _seen_words(seen: SeenDemand) -> str:
    orders = f"{seen.open_unit_count:,} open units, {seen.order_count:,} orders"
    if seen.order_day_count < 0:
        return orders
    return f"{orders} on {seen.order_day_count:,} of {_days(seen.window_days)}"


def _days(count: int) -> str:
    return f"{count:,} day{'' if count == 1 else 's'}"
