"""What a shard reads of its counts: as far back as it can need them."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select

from matcher.domain.demand_floor import FLOOR_DAYS_MAX
from matcher.domain.guardrail import GUARDRAIL_STEP_US, GUARDRAIL_WINDOW_US_MAX
from matcher.domain.policy import CAP_STEP_US, CAP_WINDOW_US_MAX
from server.storage.tables import (
    guardrail_days,
    match_counts,
    sku_days,
    volume_hours,
    warehouse_days,
)

# Rows of (warehouse_id, day, routed_count): the last day that has any and the one
# before it, since around midnight both may still be counted on.
RECENT_WAREHOUSE_DAYS = (
    select(
        warehouse_days.c.warehouse_id,
        warehouse_days.c.day,
        warehouse_days.c.routed_count,
    )
    .where(
        warehouse_days.c.tenant == bindparam("tenant"),
        warehouse_days.c.day
        >= select(func.max(warehouse_days.c.day) - 1)
        .where(warehouse_days.c.tenant == bindparam("tenant"))
        .scalar_subquery(),
    )
    .order_by(warehouse_days.c.day, warehouse_days.c.warehouse_id)
)

# Rows of (hour, eligible_count, admitted_count): those that the longest window of a cap
# can reach from the last hour that has any, one more for a clock that is behind.
RECENT_VOLUME_HOURS = (
    select(
        volume_hours.c.hour,
        volume_hours.c.eligible_count,
        volume_hours.c.admitted_count,
    )
    .where(
        volume_hours.c.tenant == bindparam("tenant"),
        volume_hours.c.hour
        >= select(func.max(volume_hours.c.hour) - CAP_WINDOW_US_MAX // CAP_STEP_US)
        .where(volume_hours.c.tenant == bindparam("tenant"))
        .scalar_subquery(),
    )
    .order_by(volume_hours.c.hour)
)

# Rows of (scope, resolution, key, day, match_count): the last day that has any and the
# one before it.
RECENT_MATCH_COUNTS = (
    select(
        match_counts.c.scope,
        match_counts.c.resolution,
        match_counts.c.key,
        match_counts.c.day,
        match_counts.c.match_count,
    )
    .where(
        match_counts.c.tenant == bindparam("tenant"),
        match_counts.c.day
        >= select(func.max(match_counts.c.day) - 1)
        .where(match_counts.c.tenant == bindparam("tenant"))
        .scalar_subquery(),
    )
    .order_by(*match_counts.primary_key)
)

# Rows as the fields of GuardrailDay: those that the longest window can reach from the
# last day that has any.
RECENT_GUARDRAIL_DAYS = (
    select(
        guardrail_days.c.category,
        guardrail_days.c.metric,
        guardrail_days.c.day,
        guardrail_days.c.bad_count,
        guardrail_days.c.total_count,
        guardrail_days.c.reset_number,
    )
    .where(
        guardrail_days.c.tenant == bindparam("tenant"),
        guardrail_days.c.day
        >= select(
            func.max(guardrail_days.c.day)
            - GUARDRAIL_WINDOW_US_MAX // GUARDRAIL_STEP_US
        )
        .where(guardrail_days.c.tenant == bindparam("tenant"))
        .scalar_subquery(),
    )
    .order_by(guardrail_days.c.day, guardrail_days.c.category, guardrail_days.c.metric)
)

# Rows as the fields of SkuDay: those that the longest window can reach from the last
# day that has any.
RECENT_SKU_DAYS = (
    select(sku_days.c.sku, sku_days.c.day, sku_days.c.order_count)
    .where(
        sku_days.c.tenant == bindparam("tenant"),
        sku_days.c.day
        >= select(func.max(sku_days.c.day) - FLOOR_DAYS_MAX)
        .where(sku_days.c.tenant == bindparam("tenant"))
        .scalar_subquery(),
    )
    .order_by(sku_days.c.day, sku_days.c.sku)
)
