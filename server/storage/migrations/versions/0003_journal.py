"""Make the tables of the journal: what happened, and where a replay may start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
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
    """Make the tables; the first start on an older store writes a checkpoint."""
    op.create_table(
        "journal",
        _key("tenant", TEXT),
        _key("number", INT64),
        _value("entry_count", INT64),
        _value("first_us", INT64),
        _value("last_us", INT64),
        _value("segment", sa.LargeBinary()),
        sa.CheckConstraint("entry_count >= 1", name="journal_entry_count"),
        sqlite_strict=True,
    )
    op.create_table(
        "checkpoints",
        _key("tenant", TEXT),
        _key("entry_count", INT64),
        _value("at_us", INT64),
        _value("rows", sa.LargeBinary()),
        sqlite_strict=True,
    )
