"""How many matches a day may have: in all, per SKU, per zone, per warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from matcher.domain.errors import FieldViolation

COUNT_MAX = 1_000_000_000
RESOLUTION_MAX = 15

_DAY_S = 86_400


class LimitScope(IntEnum):
    """What a limit counts together, on one UTC day."""

    UNSPECIFIED = 0
    DAY = 1
    SKU = 2
    ZONE = 3
    WAREHOUSE = 4


@dataclass(frozen=True, slots=True)
class MatchLimit:
    """
    At most so many matches on a UTC day for each of what a scope tells apart.

    Parameters
    ----------
    scope
        DAY: all matches together. SKU: those of a returned SKU. ZONE: those whose
        demand is in an H3 cell. WAREHOUSE: those that a warehouse would have had.
    count_max
        Matches at most, 0 to 1,000,000,000.
    resolution
        Of the cells of a ZONE, 1 to 15; 0 for any other scope.
    """

    scope: LimitScope
    count_max: int
    resolution: int = 0

    @property
    def name(self) -> str:
        """Name of the limit within its policy: ``ZONE 7``."""
        return f"{self.scope.name} {self.resolution}".removesuffix(" 0")


@dataclass(frozen=True, slots=True, order=True)
class LimitKey:
    """
    Whose matches are counted, and on which UTC day (days since the epoch).

    ``key`` is the SKU, the cell in hexadecimal or the warehouse's id; empty for DAY.
    ``resolution`` is that of the cell, else 0.
    """

    scope: LimitScope
    resolution: int
    key: str
    day: int

    @property
    def date(self) -> str:
        """The day: ``2026-03-02``."""
        return datetime.fromtimestamp(self.day * _DAY_S, UTC).date().isoformat()

    @property
    def text(self) -> str:
        """Readable and stable: ``ZONE/2026-03-02/871f1d489ffffff``."""
        return f"{self.scope.name}/{self.date}/{self.key}".removesuffix("/")


def limit_violations(limits: Sequence[MatchLimit]) -> Iterator[FieldViolation]:
    """
    Yield every fault of the match limits of a policy.

    Limits of returns (SKU, WAREHOUSE) and of demands (ZONE) must each nest, or no
    optimum of whole matches could be proven: SKUs and warehouses cross each other.
    """
    seen: set[str] = set()
    for index, limit in enumerate(limits):
        path = f"match_limits[{index}]"
        if limit.scope is LimitScope.UNSPECIFIED:
            yield FieldViolation(
                f"{path}.scope", "UNSPECIFIED", "DAY, SKU, ZONE or WAREHOUSE"
            )
        if not 0 <= limit.count_max <= COUNT_MAX:
            yield FieldViolation(
                f"{path}.count_max", str(limit.count_max), "0 to 1,000,000,000"
            )
        low, high = (1, RESOLUTION_MAX) if limit.scope is LimitScope.ZONE else (0, 0)
        if not low <= limit.resolution <= high:
            accepted = "1 to 15 for a ZONE, 0 (unset) for any other scope"
            yield FieldViolation(f"{path}.resolution", str(limit.resolution), accepted)
        if limit.name in seen:
            accepted = "each scope once, ZONE once for each resolution"
            yield FieldViolation(path, limit.name, accepted)
        seen.add(limit.name)
        crossing = _CROSSING.get(limit.scope)
        if crossing is not None and crossing.name in seen:
            yield FieldViolation(
                f"{path}.scope",
                f"{limit.scope.name} beside {crossing.name}",
                "a limit for SKU or for WAREHOUSE, not both: their returns cross",
            )


_CROSSING = {
    LimitScope.SKU: LimitScope.WAREHOUSE,
    LimitScope.WAREHOUSE: LimitScope.SKU,
}
