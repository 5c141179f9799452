"""A store in a file as an earlier version left it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

#: Tables that each revision made.
_MADE = {
    "0006": ("return_facts", "guardrail_days", "sku_days"),
    "0007": ("match_counts",),
    "0008": ("leases",),
    "0009": ("relay_cursors",),
    "0011": ("audit_log",),
}


def take_back(path: Path, revision: str) -> None:
    """Take a store back to a revision; rows of the tables that go are lost."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for later, tables in _MADE.items():
            for table in tables if later > revision else ():
                connection.execute(f"DROP TABLE {table}")
        if "0008" <= revision < "0010":
            connection.execute("ALTER TABLE leases DROP COLUMN address")
        connection.execute("UPDATE nearturn_revision SET version_num = ?", (revision,))
