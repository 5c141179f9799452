"""What a generated scenario is asked to be like."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import check_id
from matcher.simulate.cities import Region

DEMAND_COUNT_MAX = 2_000_000
RETURN_COUNT_MAX = 1_000_000

#: Named so that a policy can open some and leave some closed; first is busiest.
CATEGORIES = (
    "apparel",
    "accessories",
    "footwear",
    "home",
    "beauty",
    "electronics",
)

_RANGES: dict[str, tuple[float, float]] = {
    "city_count": (1, 10_000),
    "demand_count": (0, DEMAND_COUNT_MAX),
    "density": (0, 1e6),
    "return_count": (0, RETURN_COUNT_MAX),
    "balance": (0, 1e6),
    "sku_count": (1, 1_000_000),
    "sku_skew": (0, 5),
    "clustering": (0, 1),
    "share_eligible": (0, 1),
    "share_consenting": (0, 1),
    "warehouse_count": (0, 1_000),
    "capacity_share": (0, 1_000),
}


@dataclass(frozen=True, slots=True)
class ScenarioParams:
    """
    Size, place and make-up of a scenario.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-2 code of the country whose cities are used; empty for the
        whole world.
    region
        Box that the cities lie in, or ``None`` for all of the country.
    city_count
        How many cities, the most populous first; 1 to 10,000. Demand and returns
        fall on them in proportion to their population.
    demand_count
        Demands, 0 to 2,000,000.
    density
        Demands per square kilometre of the cities' discs; replaces
        ``demand_count`` where given.
    return_count
        Return items, 0 to 1,000,000.
    balance
        Return items per demand; replaces ``return_count`` where given.
    sku_count
        SKUs in the catalogue, 1 to 1,000,000.
    sku_skew
        Exponent of their popularity: the k-th best seller is asked for in
        proportion to ``k ** -sku_skew``. 0 is even, 1 is Zipf's law; up to 5.
    categories
        Names, busiest first; the k-th holds a share in proportion to ``1 / k``.
    clustering
        Share of places that are postal points, shared by many, 0 to 1. The rest
        is spread evenly over the city's disc.
    share_eligible
        Share of return items that carry no fault, 0 to 1. A policy may still turn
        them away, for their category say.
    share_consenting
        Share of demands whose buyers accept a returned item, 0 to 1.
    warehouse_count
        Warehouses, 0 to 1,000; at most one per city.
    capacity_share
        Units per day that all warehouses take together, per return item.

    Raises
    ------
    InvalidValueError
        If a value is out of its range, or not finite.
    """

    country: str = "US"
    region: Region | None = None
    city_count: int = 25
    demand_count: int = 20_000
    density: float | None = None
    return_count: int = 5_000
    balance: float | None = None
    sku_count: int = 300
    sku_skew: float = 1.0
    categories: tuple[str, ...] = CATEGORIES
    clustering: float = 0.5
    share_eligible: float = 0.8
    share_consenting: float = 0.9
    warehouse_count: int = 6
    capacity_share: float = 1.2

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            # NaN compares false, so it is refused too.
            if value is not None and not low <= value <= high:
                raise InvalidValueError(name, value, f"{low:,} to {high:,}")
        if self.country and not (len(self.country) == 2 and self.country.isupper()):
            raise InvalidValueError(
                "country", self.country, "two capital letters, or empty"
            )
        if not self.categories or len(set(self.categories)) < len(self.categories):
            raise InvalidValueError(
                "categories", self.categories, "at least one name, each once"
            )
        for index, category in enumerate(self.categories):
            check_id(f"categories[{index}]", category)

    def demands_on(self, area_km2: float) -> int:
        """Return how many demands the cities' discs, square kilometres, hold."""
        if self.density is None:
            return self.demand_count
        return _count("density", self.density * area_km2, DEMAND_COUNT_MAX)

    def returns_against(self, demand_count: int) -> int:
        """Return how many return items there are against so many demands."""
        if self.balance is None:
            return self.return_count
        return _count("balance", self.balance * demand_count, RETURN_COUNT_MAX)


def _count(name: str, asked: float, maximum: int) -> int:
    count = math.floor(asked + 0.5)
    if count > maximum:
        raise InvalidValueError(
            name, f"{count:,} rows", f"what makes at most {maximum:,} rows"
        )
    return count
