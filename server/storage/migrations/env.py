"""Runs the migrations on the connection that the store hands over."""

from __future__ import annotations

from alembic import context

from server.storage.tables import REVISION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=REVISION_TABLE,
    # The store's own transaction spans all steps; SQLite takes DDL inside it.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
