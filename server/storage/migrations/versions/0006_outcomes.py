"""Make the tables of outcomes: what returns count as in reports, and guardrails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# A migration never changes once released, so it repeats what tables.py says.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_PAGE = 1_000

# Numbers of the enums as they were: a failed check; gates 1 and 2; rollout,
# cap and mode; the state WAREHOUSE.
_FAILED, _VERIFICATION, _ELIGIBILITY, _HOW_MANY, _WAREHOUSE = 2, 1, 2, (36, 38, 40), 4


def _key(name: str, kind: sa.types.TypeEngine[object]) -> sa.Column[object]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _value(name: str, kind: sa.types.TypeEngine[object]) -> sa.Column[object]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    """Make the tables, and fill in what the returns that are there count as."""
    op.create_table(
        "return_facts",
        _key("tenant", TEXT),
        _key("return_id", TEXT),
        _value("policy_version", INT64),
        _value("created_us", INT64),
        _value("category", TEXT),
        _value("reason", sa.Integer()),
        _value("sku", TEXT),
        _value("state", sa.Integer()),
        _value("is_verified", sa.Integer()),
        _value("is_eligible", sa.Integer()),
        _value("fallback_codes", sa.Text()),
        _value("arrival", sa.Integer()),
        _value("response", sa.Integer()),
        _value("is_worse", sa.Integer()),
        _value("distance_m", INT64),
        _value("saving_micros", INT64),
        sa.Column("waited_us", INT64),
        sa.Column("fallback_distance_m", INT64),
        sqlite_strict=True,
    )
    op.create_table(
        "guardrail_days",
        _key("tenant", TEXT),
        _key("day", INT64),
        _key("category", TEXT),
        _key("metric", sa.Integer()),
        _value("bad_count", INT64),
        _value("total_count", INT64),
        _value("reset_number", INT64),
        sa.CheckConstraint("bad_count <= total_count", name="guardrail_days_bad_count"),
        sqlite_strict=True,
    )
    op.create_table(
        "sku_days",
        _key("tenant", TEXT),
        _key("day", INT64),
        _key("sku", TEXT),
        _value("order_count", INT64),
        sqlite_strict=True,
    )
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    returns = sa.table("returns", *map(sa.column, ("tenant", "return_id", "document")))
    decisions = sa.table(
        "decisions",
        *map(sa.column, ("tenant", "return_id", "sequence", "document")),
    )
    facts = sa.table(
        "return_facts", *(sa.column(name) for name in _fact("", {}, {}, {}))
    )
    for tenant, return_id, document in _pages(connection, returns):
        record = json.loads(document)
        made = [
            json.loads(each)
            for each in connection.execute(
                sa.select(decisions.c.document)
                .where(decisions.c.tenant == tenant, decisions.c.return_id == return_id)
                .order_by(decisions.c.sequence)
            ).scalars()
        ]
        record["standing"] = _standing(made)
        connection.execute(
            sa.update(returns)
            .where(returns.c.tenant == tenant, returns.c.return_id == return_id)
            .values(document=json.dumps(record, separators=(",", ":")))
        )
        row = _fact(tenant, record, record["item"], record["standing"])
        connection.execute(sa.insert(facts).values(row))


def _pages(connection: sa.Connection, returns: sa.TableClause) -> Iterator[sa.Row[Any]]:
    columns = returns.c.tenant, returns.c.return_id
    after = ("", "")
    while True:
        page = connection.execute(
            sa.select(*columns, returns.c.document)
            .where(sa.tuple_(*columns) > sa.tuple_(*map(sa.literal, after)))
            .order_by(*columns)
            .limit(_PAGE)
        ).all()
        if not page:
            return
        yield from page
        after = (page[-1].tenant, page[-1].return_id)


def _standing(made: list[dict[str, Any]]) -> dict[str, Any]:
    # A cancellation judges nothing: what was found before stands.
    judged = [decision["checks"] for decision in made if decision["checks"]]
    failed = [
        (check["gate"], check["reason"])
        for check in (judged[-1] if judged else ())
        if check["result"] == _FAILED
    ]
    decision = made[-1] if made else {}
    verified = bool(judged) and all(gate != _VERIFICATION for gate, _ in failed)
    eligible = verified and all(
        gate != _ELIGIBILITY or reason in _HOW_MANY for gate, reason in failed
    )
    match, fallback = decision.get("match"), decision.get("fallback", {})
    known = match and fallback.get("warehouse_id")
    return {
        "policy_version": decision.get("policy_version", 0),
        "is_verified": verified,
        "is_eligible": eligible,
        "matched_us": decision["decided_us"] if match else None,
        "distance_m": match["distance_m"] if match else 0,
        "saving_micros": match["saving_micros"] if match else 0,
        "fallback_distance_m": fallback["distance_m"] if known else None,
    }


def _fact(
    tenant: str,
    record: dict[str, Any],
    item: dict[str, Any],
    standing: dict[str, Any],
) -> dict[str, Any]:
    matched_us = standing.get("matched_us")
    state = record.get("state", 0)
    codes = record.get("reason_codes", ()) if state == _WAREHOUSE else ()
    return {
        "tenant": tenant,
        "return_id": item.get("return_id"),
        "policy_version": standing.get("policy_version"),
        "created_us": record.get("created_us"),
        "category": item.get("category"),
        "reason": item.get("reason", 0),
        "sku": item.get("sku"),
        "state": state,
        "is_verified": int(standing.get("is_verified", False)),
        "is_eligible": int(standing.get("is_eligible", False)),
        "fallback_codes": ",".join(map(str, codes)),
        "arrival": 0,
        "response": 0,
        "is_worse": -1,
        "distance_m": standing.get("distance_m"),
        "saving_micros": standing.get("saving_micros"),
        "waited_us": (
            None if matched_us is None else matched_us - record["created_us"]
        ),
        "fallback_distance_m": standing.get("fallback_distance_m"),
    }
