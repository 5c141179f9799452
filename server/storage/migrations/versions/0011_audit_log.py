"""Make the table of who changed policies and keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# A migration never changes once released, so it repeats what tables.py says.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table; who did what before is not known."""
    op.create_table(
        "audit_log",
        sa.Column("tenant", TEXT, primary_key=True, autoincrement=False),
        sa.Column("number", INT64, primary_key=True, autoincrement=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.CheckConstraint("number >= 1", name="audit_log_number"),
        sqlite_strict=True,
    )
