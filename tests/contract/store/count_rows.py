"""Counts as a store holds them, at the ends of their ranges."""

from __future__ import annotations

from matcher.domain.guardrail import GuardrailMetric
from matcher.domain.match_limit import LimitKey, LimitScope
from matcher.engine.records import GuardrailDay, MatchCount, SkuDay
from tests.contract.store.rows import INT64_MAX


def match_count_row(
    key: str = "871f1d489ffffff", day: int = 20_514, match_count: int = INT64_MAX
) -> MatchCount:
    """Return the matches of a zone."""
    return MatchCount(LimitKey(LimitScope.ZONE, 7, key, day), match_count)


def guardrail_day_row(day: int = 20_514, category: str = "apparel") -> GuardrailDay:
    """Return what a guardrail counted on a day."""
    return GuardrailDay(
        category, GuardrailMetric.LOST_SHARE, day, INT64_MAX - 1, INT64_MAX, 7
    )


def sku_day_row(day: int = 20_514, sku: str = "shirt") -> SkuDay:
    """Return the orders of a SKU on a day."""
    return SkuDay(sku, day, INT64_MAX)
