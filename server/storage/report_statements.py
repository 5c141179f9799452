"""
Statements of reports: each reads every fact of a tenant once, and says so.

A report counts all of a tenant's returns, so its time grows with them by nature. The
facts are narrow for that reason, and nothing else reads them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)

from matcher.domain.item_outcome import BuyerResponse
from matcher.domain.return_item import ReturnState
from server.storage.tables import demands, return_facts, rounds

_F = return_facts.c

_OF_TENANT = _F.tenant == bindparam("tenant")

# Parameters: tenant, version, start_us, end_us.
_ASKED = and_(
    _OF_TENANT,
    _F.policy_version == bindparam("version"),
    _F.created_us >= bindparam("start_us"),
    _F.created_us < bindparam("end_us"),
)

_ALIKE = (
    _F.category,
    _F.reason,
    _F.state,
    _F.is_verified,
    _F.is_eligible,
    _F.fallback_codes,
    _F.arrival,
    _F.response,
    _F.is_worse,
)


def _total(amount: ColumnElement[int]) -> ColumnElement[int]:
    # PostgreSQL adds 64 bits up to a decimal.
    return cast(func.coalesce(func.sum(amount), 0), BigInteger)


# Rows as the fields of FactGroup; by nothing in particular.
GROUPS = (
    select(
        *_ALIKE,
        func.count().label("item_count"),
        _total(_F.saving_micros).label("saving_micros"),
        _total(_F.fallback_distance_m - _F.distance_m).label("avoided_m"),
        func.count(_F.fallback_distance_m).label("avoided_count"),
    )
    .where(_ASKED)
    .group_by(*_ALIKE)
)

# Rows of (distance_m, waited_us) of the returns that have a promise.
PROMISES = select(_F.distance_m, _F.waited_us).where(_ASKED, _F.waited_us.is_not(None))


def _how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.sum(case((condition, 1), else_=0)), Integer)


_CONFIRMED = _F.state.in_((int(ReturnState.CONFIRMED), int(ReturnState.COMPLETED)))
_MATCHED = or_(_CONFIRMED, _F.state == int(ReturnState.MATCHED))
_COMPLAINED = _F.response.in_(
    (int(BuyerResponse.COMPLAINED), int(BuyerResponse.REFUSED))
)

# Rows as the first fields of SkuFacts, those with most returns first; parameter: limit.
SKUS = (
    select(
        _F.sku,
        func.count().label("submitted_count"),
        _how_many(_MATCHED).label("matched_count"),
        _how_many(_CONFIRMED).label("confirmed_count"),
        _how_many(and_(_CONFIRMED, _COMPLAINED)).label("complaint_count"),
        _how_many(and_(_CONFIRMED, _F.is_worse == 1)).label("not_as_verified_count"),
    )
    .where(_ASKED)
    .group_by(_F.sku)
    .order_by(func.count().desc(), _F.sku)
    .limit(bindparam("limit"))
)

# Rows of (sku, recent, previous) of whatever version; parameters: tenant, skus,
# first_us, middle_us, end_us.
SKU_RATES = (
    select(
        _F.sku,
        _how_many(_F.created_us >= bindparam("middle_us")),
        _how_many(_F.created_us < bindparam("middle_us")),
    )
    .where(
        _OF_TENANT,
        _F.created_us >= bindparam("first_us"),
        _F.created_us < bindparam("end_us"),
        _F.sku.in_(bindparam("skus", expanding=True)),
    )
    .group_by(_F.sku)
)

# Documents of all demands, closed ones too; in a transaction, by so many.
DEMANDS = (
    select(demands.c.document)
    .where(demands.c.tenant == bindparam("tenant"))
    .execution_options(yield_per=5_000)
)

# The last round; ids are longer where their number is.
LATEST_ROUND = (
    select(rounds.c.round_id)
    .where(rounds.c.tenant == bindparam("tenant"))
    .order_by(func.length(rounds.c.round_id).desc(), rounds.c.round_id.desc())
    .limit(1)
)
