"""How much demand a SKU has to have before its returns are matched (R19, R20)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matcher.domain.errors import FieldViolation

#: Orders are counted by the UTC day.
FLOOR_STEP_US = 86_400_000_000
FLOOR_DAYS_MAX = 90

COUNT_MAX = 1_000_000_000

_BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class DemandFloor:
    """
    Least demand of a SKU; zero asks for nothing.

    Parameters
    ----------
    window_us
        Whole UTC days that count, the day of the submission included.
    min_open_units
        Units that are open.
    min_orders
        Orders that came in within the window.
    min_steadiness_basis_points
        Share of the window's days on which at least one came in.
    """

    window_us: int
    min_open_units: int = 0
    min_orders: int = 0
    min_steadiness_basis_points: int = 0

    @property
    def window_days(self) -> int:
        """Days that count."""
        return self.window_us // FLOOR_STEP_US


@dataclass(frozen=True, slots=True)
class SeenDemand:
    """
    What demand a SKU had when a return item of it was submitted.

    ``order_day_count`` of the ``window_days`` had an order; -1 is not known.
    """

    window_days: int
    open_unit_count: int
    order_count: int
    order_day_count: int


def floor_violations(path: str, floor: DemandFloor | None) -> Iterator[FieldViolation]:
    """Yield what is out of range in the floor of a category rule."""
    if floor is None:
        return
    if floor.window_us % FLOOR_STEP_US or not 1 <= floor.window_days <= FLOOR_DAYS_MAX:
        yield FieldViolation(
            f"{path}.demand_floor.window",
            f"{floor.window_us / 1e6:g} s",
            f"whole days, from one to {FLOOR_DAYS_MAX}",
        )
    asks = (floor.min_open_units, floor.min_orders, floor.min_steadiness_basis_points)
    if not any(asks):
        yield FieldViolation(
            f"{path}.demand_floor", "asks for nothing", "at least one figure above 0"
        )
    for name, high in (
        ("min_open_units", COUNT_MAX),
        ("min_orders", COUNT_MAX),
        ("min_steadiness_basis_points", _BASIS_POINTS),
    ):
        value = getattr(floor, name)
        if not 0 <= value <= high:
            yield FieldViolation(
                f"{path}.demand_floor.{name}", str(value), f"0 to {high:,}"
            )
