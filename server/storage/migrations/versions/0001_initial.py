"""Make the tables of the first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A migration never changes once released, so it repeats what tables.py says.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(name: str, kind: sa.types.TypeEngine[object] = TEXT) -> sa.Column[object]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _value(name: str, kind: sa.types.TypeEngine[object] = TEXT) -> sa.Column[object]:
    return sa.Column(name, kind, nullable=False)


def _document() -> sa.Column[object]:
    return sa.Column("document", sa.Text(), nullable=False)


def upgrade() -> None:
    """Make all tables and their indexes."""
    _entities()
    _log()
    _policies()
    _network()
    _rounds_and_answers()


def _entities() -> None:
    op.create_table(
        "demands",
        _key("tenant"),
        _key("demand_id"),
        _value("state", sa.Integer()),
        _value("is_live", sa.Integer()),
        _value("version", INT64),
        _document(),
        sa.CheckConstraint("is_live IN (0, 1)", name="demands_is_live"),
        sqlite_strict=True,
    )
    op.create_index("demands_by_state", "demands", ["tenant", "state", "demand_id"])
    op.create_index(
        "demands_closed_and_held",
        "demands",
        ["tenant", "demand_id"],
        sqlite_where=sa.text("is_live = 1 AND state NOT IN (1, 2)"),
        postgresql_where=sa.text("is_live = 1 AND state NOT IN (1, 2)"),
    )
    op.create_table(
        "returns",
        _key("tenant"),
        _key("return_id"),
        _value("state", sa.Integer()),
        _value("version", INT64),
        _document(),
        sqlite_strict=True,
    )
    op.create_index("returns_by_state", "returns", ["tenant", "state", "return_id"])
    op.create_table(
        "matches",
        _key("tenant"),
        _key("match_id"),
        _value("hold_state", sa.Integer()),
        _value("version", INT64),
        _document(),
        sqlite_strict=True,
    )
    op.create_index(
        "matches_by_hold_state", "matches", ["tenant", "hold_state", "match_id"]
    )


def _log() -> None:
    op.create_table(
        "decisions",
        _key("tenant"),
        _key("sequence", INT64),
        _value("decision_id"),
        _value("return_id"),
        _document(),
        sa.CheckConstraint("sequence >= 1", name="decisions_sequence"),
        sa.UniqueConstraint("tenant", "decision_id", name="decisions_by_id"),
        sqlite_strict=True,
    )
    op.create_index(
        "decisions_by_return", "decisions", ["tenant", "return_id", "sequence"]
    )
    op.create_table(
        "counters",
        _key("tenant"),
        _value("sequence", INT64),
        _value("decision_count", INT64),
        _value("match_count", INT64),
        _value("round_count", INT64),
        sqlite_strict=True,
    )


def _policies() -> None:
    op.create_table(
        "policies",
        _key("tenant"),
        _key("version", INT64),
        _value("state", sa.Integer()),
        _document(),
        sa.CheckConstraint("version >= 1", name="policies_version"),
        sqlite_strict=True,
    )


def _network() -> None:
    op.create_table(
        "warehouses",
        _key("tenant"),
        _key("warehouse_id"),
        _document(),
        sqlite_strict=True,
    )
    op.create_table(
        "service_areas",
        _key("tenant"),
        _key("service_area_id"),
        _document(),
        sqlite_strict=True,
    )
    op.create_table(
        "warehouse_days",
        _key("tenant"),
        _key("day", INT64),
        _key("warehouse_id"),
        _value("routed_count", INT64),
        sqlite_strict=True,
    )


def _rounds_and_answers() -> None:
    op.create_table(
        "rounds",
        _key("tenant"),
        _key("round_id"),
        _document(),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "answers",
        _key("tenant"),
        _key("request_id"),
        sa.Column("payload_hash", sa.Text(), nullable=False),
        _value("answered_us", INT64),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sqlite_strict=True,
    )
    op.create_index("answers_by_time", "answers", ["answered_us"])
