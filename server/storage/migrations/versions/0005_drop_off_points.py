"""Make the table of drop-off points."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# A migration never changes once released, so it repeats what tables.py says.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; an older store has no drop-off points."""
    op.create_table(
        "drop_off_points",
        sa.Column("tenant", TEXT, primary_key=True, autoincrement=False),
        sa.Column("drop_off_point_id", TEXT, primary_key=True, autoincrement=False),
        sa.Column("document", sa.Text(), nullable=False),
        sqlite_strict=True,
    )
