"""Make the table of leases: who may write for a tenant's shard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# A migration never changes once released, so it repeats what tables.py says.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table; nobody holds anything yet."""
    op.create_table(
        "leases",
        sa.Column("tenant", TEXT, primary_key=True, autoincrement=False),
        sa.Column("epoch", INT64, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("beat", INT64, nullable=False),
        sqlite_strict=True,
    )
