"""Which revision of the tables a database has, and the way up to ours."""

from __future__ import annotations

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from matcher.domain.errors import UnavailableError
from server.storage.tables import REVISION_TABLE

MIGRATIONS = Path(__file__).parent / "migrations"

_log = structlog.get_logger(__name__)


def head_revision() -> str:
    """Return the revision that this version of the program reads and writes."""
    head = _scripts().get_current_head()
    assert head is not None, f"no migration in {MIGRATIONS}"
    return head


def current_revision(connection: Connection, place: str) -> str | None:
    """
    Return the revision of a database that this version can bring up to date.

    Writes nothing.

    Parameters
    ----------
    connection
        Connection to the database.
    place
        The database as an operator would name it.

    Returns
    -------
    str or None
        ``None`` if the database is empty.

    Raises
    ------
    UnavailableError
        If the tables are not ours, or come from a newer version.
    """
    names = inspect(connection).get_table_names()
    if not names:
        return None
    revision = None
    if REVISION_TABLE in names:
        options = {"version_table": REVISION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        heads = context.get_current_heads()
        if len(heads) > 1:
            raise UnavailableError(
                f"store {place}: cannot open it: it is damaged: it has {len(heads)} "
                "revisions at once"
            )
        revision = next(iter(heads), None)
    if revision is None:
        raise UnavailableError(
            f"store {place}: cannot open it: another program made it (there is no "
            f"revision in a table {REVISION_TABLE}); it was not changed"
        )
    known = {each.revision for each in _scripts().walk_revisions()}
    if revision not in known:
        raise UnavailableError(
            f"store {place}: cannot open it: a newer version made it (revision "
            f"{revision}, this one knows up to {head_revision()}); it was not changed"
        )
    return revision


def bring_up_to_date(connection: Connection, place: str) -> None:
    """
    Build the tables of an empty database, or upgrade those of an older version.

    Runs in the caller's transaction, so that a database is never between two
    revisions.

    Parameters
    ----------
    connection
        Connection in a transaction that the caller commits.
    place
        The database as an operator would name it.

    Raises
    ------
    UnavailableError
        If the tables are not ours, or come from a newer version.
    """
    current = current_revision(connection, place)
    head = head_revision()
    if current == head:
        return
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    _log.info("store_upgraded", place=place, from_revision=current, to_revision=head)


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))
