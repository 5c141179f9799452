"""Make the table of how far brokers are: the last decision that each of them has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# A migration never changes once released, so it repeats what tables.py says.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table; no broker has anything yet."""
    op.create_table(
        "relay_cursors",
        sa.Column("tenant", TEXT, primary_key=True, autoincrement=False),
        sa.Column("sink", TEXT, primary_key=True, autoincrement=False),
        sa.Column("sequence", INT64, nullable=False),
        sa.CheckConstraint("sequence >= 0", name="relay_cursors_sequence"),
        sqlite_strict=True,
    )
