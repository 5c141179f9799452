"""Make the tables of the shadows: who was kept out, and what would have happened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# A migration never changes once released, so it repeats what tables.py says.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(name: str, kind: sa.types.TypeEngine[object]) -> sa.Column[object]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _value(name: str, kind: sa.types.TypeEngine[object]) -> sa.Column[object]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    """Make the tables; what was kept out before is not asked about any more."""
    op.create_table(
        "shadows",
        _key("tenant", TEXT),
        _key("return_id", TEXT),
        _value("state", sa.Integer()),
        _value("policy_version", INT64),
        _value("category", TEXT),
        _value("kept_out", sa.Integer()),
        _value("saving_micros", INT64),
        _value("distance_m", INT64),
        _value("waiting_us", INT64),
        _value("document", sa.Text()),
        sqlite_strict=True,
    )
    op.create_index("shadows_by_state", "shadows", ["tenant", "state", "return_id"])
    op.create_index(
        "shadows_by_version",
        "shadows",
        ["tenant", "policy_version", "category", "kept_out"],
    )
    op.create_table(
        "shadow_units",
        _key("tenant", TEXT),
        _key("demand_id", TEXT),
        _value("taken_count", INT64),
        sqlite_strict=True,
    )
