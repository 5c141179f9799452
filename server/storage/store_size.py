"""How large a database is, in its own words."""

from __future__ import annotations

from sqlalchemy import Connection, text

_SIZES = {
    "sqlite": text(
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    ),
    "postgresql": text("SELECT pg_database_size(current_database())"),
}


def read_size_bytes(connection: Connection) -> int:
    """Return the bytes of the database that a connection is of."""
    return int(connection.execute(_SIZES[connection.dialect.name]).scalar_one())
