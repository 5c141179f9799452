"""Make the table of match limits: matches counted by day, SKU, zone and warehouse."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# A migration never changes once released, so it repeats what tables.py says.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(name: str, kind: sa.types.TypeEngine[object] = TEXT) -> sa.Column[object]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def upgrade() -> None:
    """Make the table; matches of before are counted under no limit."""
    op.create_table(
        "match_counts",
        _key("tenant"),
        _key("day", INT64),
        _key("scope", sa.Integer()),
        _key("resolution", sa.Integer()),
        _key("key"),
        sa.Column("match_count", INT64, nullable=False),
        sa.CheckConstraint("match_count >= 0", name="match_counts_match_count"),
        sqlite_strict=True,
    )
