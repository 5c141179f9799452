"""Make the tables of the program: what it stands at, its log, its volume cap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# A migration never changes once released, so it repeats what tables.py says.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(name: str, kind: sa.types.TypeEngine[object] = TEXT) -> sa.Column[object]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _value(name: str, kind: sa.types.TypeEngine[object]) -> sa.Column[object]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    """Make the tables; an active version without a program counts as its first."""
    op.create_table(
        "programs",
        _key("tenant"),
        _value("document", sa.Text()),
        sqlite_strict=True,
    )
    op.create_table(
        "program_events",
        _key("tenant"),
        _key("number", INT64),
        _value("document", sa.Text()),
        sqlite_strict=True,
    )
    op.create_table(
        "volume_hours",
        _key("tenant"),
        _key("hour", INT64),
        _value("eligible_count", INT64),
        _value("admitted_count", INT64),
        sa.CheckConstraint(
            "admitted_count <= eligible_count", name="volume_hours_admitted_count"
        ),
        sqlite_strict=True,
    )
