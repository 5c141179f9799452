"""Let a lease say where its holder is to be called."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# A migration never changes once released, so it repeats what tables.py says.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table anew; holders of now are nowhere until the next ones."""
    # Not by a new column: SQLite would have it behind the key, and with a default.
    op.create_table(
        "leases_with_address",
        sa.Column("tenant", TEXT, primary_key=True, autoincrement=False),
        sa.Column("epoch", INT64, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("beat", INT64, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO leases_with_address (tenant, epoch, holder, beat, address) "
        "SELECT tenant, epoch, holder, beat, '' FROM leases"
    )
    op.drop_table("leases")
    op.rename_table("leases_with_address", "leases")
