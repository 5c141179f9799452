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
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert head is not None, f"no migration in {MIGRATIONS}"
    return head


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
    current = _current_revision(connection, place)
    scripts = ScriptDirectory(str(MIGRATIONS))
    head = head_revision()
    if current == head:
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise UnavailableError(
            f"cannot open store {place}: it has revision {current}, which this "
            f"version does not know (it knows up to {head}); use the version that "
            "wrote it, or a newer one"
        )
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    _log.info("store upgraded", place=place, from_revision=current, to_revision=head)


def _current_revision(connection: Connection, place: str) -> str | None:
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if REVISION_TABLE not in names:
        raise foreign_database(place)
    context = MigrationContext.configure(
        connection, opts={"version_table": REVISION_TABLE}
    )
    revision = context.get_current_revision()
    if revision is None:
        raise foreign_database(place)
    return revision


def foreign_database(place: str) -> UnavailableError:
    """Return the error for a database that another program made."""
    return UnavailableError(
        f"cannot open store {place}: it is not a nearturn store (no table "
        f"{REVISION_TABLE} with a revision) and will not be touched"
    )
