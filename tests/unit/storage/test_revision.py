"""Migrations: from nothing, from an older version, and not at all."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.schema import CreateIndex, CreateTable

from matcher.domain.errors import UnavailableError
from server.storage import revision
from server.storage.opening import open_store
from server.storage.tables import REVISION_TABLE, metadata
from tests.contract.store.rows import BRAND, changes_of, demand_row

LATER = '''
"""Add a table."""

from alembic import op
import sqlalchemy as sa

revision = "0098"
down_revision = {head!r}


def upgrade():
    op.create_table("later", sa.Column("a", sa.Integer()))
    op.execute({extra!r})
'''


def _later(extra: str) -> str:
    return LATER.format(head=revision.head_revision(), extra=extra)


@contextmanager
def _engine(path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


def _tables(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
        ).fetchall()
    return dict(rows)


def _normal(sql: str) -> str:
    return " ".join(sql.split()).replace('"', "").replace("( ", "(").replace(" )", ")")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a store that is not there yet."""
    return tmp_path / "store.db"


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for a version with one more migration; return where it goes."""
    folder = tmp_path / "with % in it"
    shutil.copytree(
        revision.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.setattr(revision, "MIGRATIONS", folder)
    return folder / "versions" / "0098_later.py"


def test_migrations_build_the_tables_of_the_code(path: Path) -> None:
    """The last migration and tables.py agree on every column, key, check and index."""
    open_store(f"sqlite:///{path}").close()
    with _engine(path) as engine, engine.connect() as connection:
        options = {"version_table": REVISION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        # What that comparison does not look at: STRICT, checks, partial indexes.
        built = _tables(path)
        for table in metadata.sorted_tables:
            wanted = str(CreateTable(table).compile(dialect=engine.dialect))
            assert _normal(built.pop(table.name)) == _normal(wanted)
            for index in table.indexes:
                assert index.name is not None
                wanted = str(CreateIndex(index).compile(dialect=engine.dialect))
                assert _normal(built.pop(index.name)) == _normal(wanted)
    assert list(built) == [REVISION_TABLE]


def test_every_table_of_ours_is_strict(path: Path) -> None:
    """A text in a column of numbers is refused by the database itself."""
    open_store(f"sqlite:///{path}").close()
    for name, sql in _tables(path).items():
        if sql.startswith("CREATE TABLE") and name != REVISION_TABLE:
            assert sql.rstrip().endswith("STRICT"), name


def test_migration_leaves_logging_alone(path: Path) -> None:
    """Opening a store changes no level, handler or switch of any logger."""

    def state() -> dict[str, object]:
        names = ["", "alembic", "alembic.runtime.migration", "sqlalchemy.engine"]
        loggers = [logging.getLogger(name) for name in names]
        return {
            each.name: (each.level, each.disabled, each.propagate, [*each.handlers])
            for each in loggers
        }

    before = state()
    open_store(f"sqlite:///{path}").close()
    assert state() == before


def test_older_store_is_upgraded_with_its_rows(path: Path, later: Path) -> None:
    """A store of revision 1 gets the table of revision 2 and keeps its demand."""
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.commit([(BRAND, changes_of(demand_row()))])
    later.write_text(_later("INSERT INTO later VALUES (1)"))
    with closing(open_store(f"sqlite:///{path}")) as store:
        assert store.load(BRAND).demands == (demand_row(),)
    assert "later" in _tables(path)
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT * FROM nearturn_revision").fetchall()
        assert found == [("0098",)]
        assert connection.execute("SELECT * FROM later").fetchall() == [(1,)]


def test_new_store_goes_through_all_migrations(path: Path, later: Path) -> None:
    """From nothing to revision 2 in one opening; the next opening changes nothing."""
    later.write_text(_later("INSERT INTO later VALUES (1)"))
    for _ in range(2):
        open_store(f"sqlite:///{path}").close()
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT * FROM later").fetchall() == [(1,)]


def test_failed_upgrade_leaves_the_older_store(
    path: Path, later: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second step that breaks undoes the first: still revision 1, and it opens."""
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.commit([(BRAND, changes_of(demand_row()))])
    before = path.read_bytes()
    later.write_text(_later("INSERT INTO missing VALUES (1)"))
    with pytest.raises(UnavailableError, match="cannot open it: no such table"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before
    monkeypatch.undo()
    with closing(open_store(f"sqlite:///{path}")) as store:
        assert store.load(BRAND).demands == (demand_row(),)


def test_newer_store_is_refused_unchanged(path: Path) -> None:
    """A revision that no migration of ours has: named, and not a byte written."""
    open_store(f"sqlite:///{path}").close()
    with _engine(path) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE nearturn_revision SET version_num = '0099'"))
    before, head = path.read_bytes(), revision.head_revision()
    with pytest.raises(UnavailableError, match=rf"newer version .*0099.* {head}"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_head_is_the_last_migration() -> None:
    """Migrations are numbered 0001 and up, one after the other, without branches."""
    names = sorted(path.name for path in revision.MIGRATIONS.glob("versions/*.py"))
    numbers = [name.partition("_")[0] for name in names]
    assert numbers == [f"{number:04d}" for number in range(1, len(names) + 1)]
    assert revision.head_revision() == numbers[-1]
