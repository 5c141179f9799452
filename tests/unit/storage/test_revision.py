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
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.schema import CreateIndex, CreateTable

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import TenantId
from server.storage import revision
from server.storage.lease import Lease, LeaseState
from server.storage.opening import open_store
from server.storage.tables import REVISION_TABLE, metadata
from tests.contract.store.rows import BRAND, changes_of, demand_row
from tests.scenarios.older_store import take_back
from tests.scenarios.postgres_server import PostgresServer

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


_COLLATIONS = """
SELECT column_name, collation_name FROM information_schema.columns
WHERE table_name = '{table}' AND data_type = 'text'
"""


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    yield engine
    engine.dispose()


def _rows(url: str, query: str) -> list[tuple[object, ...]]:
    with _engine(url) as engine, engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def _state(url: str) -> object:
    """Return all that a refused opening leaves alone: bytes, or tables with rows."""
    if url.startswith("sqlite:"):
        return Path(url.removeprefix("sqlite:///")).read_bytes()
    with _engine(url) as engine:
        names = sorted(inspect(engine).get_table_names())
    return [(name, _rows(url, f"SELECT * FROM {name}")) for name in names]  # noqa: S608


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
    """Return the path of a store in a file that is not there yet."""
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


def test_migrations_build_the_tables_of_the_code(store_url: str) -> None:
    """The last migration and tables.py agree on every column, key and index."""
    open_store(store_url).close()
    with _engine(store_url) as engine, engine.connect() as connection:
        options = {"version_table": REVISION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_migrations_build_what_a_comparison_does_not_see(path: Path) -> None:
    """In a file the two agree to the word: STRICT, checks, partial indexes."""
    open_store(f"sqlite:///{path}").close()
    built = _tables(path)
    with _engine(f"sqlite:///{path}") as engine:
        for table in metadata.sorted_tables:
            wanted = str(CreateTable(table).compile(dialect=engine.dialect))
            assert _normal(built.pop(table.name)) == _normal(wanted)
            for index in table.indexes:
                assert index.name is not None
                wanted = str(CreateIndex(index).compile(dialect=engine.dialect))
                assert _normal(built.pop(index.name)) == _normal(wanted)
    assert list(built) == [REVISION_TABLE]


def test_ids_compare_as_bytes_on_a_server(postgres: PostgresServer) -> None:
    """Every text of a key or an index has collation C, whatever the database has."""
    url = postgres.new_database()
    open_store(url).close()
    assert metadata.tables
    for table in metadata.sorted_tables:
        keyed = {*table.primary_key.columns.keys()}
        for index in table.indexes:
            keyed |= {*index.columns.keys()}
        collations = {
            name: collation
            for name, collation in _rows(url, _COLLATIONS.format(table=table.name))
            if name in keyed
        }
        assert collations == dict.fromkeys(collations, "C")


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


def test_older_store_is_upgraded_with_its_rows(store_url: str, later: Path) -> None:
    """A store of the last revision gets the table of a later one, keeps its demand."""
    with closing(open_store(store_url)) as store:
        store.commit([(BRAND, changes_of(demand_row()))])
    later.write_text(_later("INSERT INTO later VALUES (1)"))
    with closing(open_store(store_url)) as store:
        assert store.load(BRAND).demands == (demand_row(),)
    assert _rows(store_url, "SELECT * FROM nearturn_revision") == [("0098",)]
    assert _rows(store_url, "SELECT * FROM later") == [(1,)]


def test_new_store_goes_through_all_migrations(store_url: str, later: Path) -> None:
    """From nothing to the last one in one opening; the next one changes nothing."""
    later.write_text(_later("INSERT INTO later VALUES (1)"))
    for _ in range(2):
        open_store(store_url).close()
        assert _rows(store_url, "SELECT * FROM later") == [(1,)]


def test_failed_upgrade_leaves_the_older_store(
    store_url: str, later: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that breaks undoes all of them: the older revision, and it opens."""
    with closing(open_store(store_url)) as store:
        store.commit([(BRAND, changes_of(demand_row()))])
    before = _state(store_url)
    later.write_text(_later("INSERT INTO missing VALUES (1)"))
    # A file says so as it says that it is locked, a server as of our own bug.
    with pytest.raises((UnavailableError, ProgrammingError), match="missing"):
        open_store(store_url)
    assert _state(store_url) == before
    monkeypatch.undo()
    with closing(open_store(store_url)) as store:
        assert store.load(BRAND).demands == (demand_row(),)


def test_newer_store_is_refused_unchanged(store_url: str) -> None:
    """A revision that no migration of ours has: named, and not a byte written."""
    open_store(store_url).close()
    with _engine(store_url) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE nearturn_revision SET version_num = '0099'"))
    before = _state(store_url)
    head = revision.head_revision()
    with pytest.raises(UnavailableError, match=rf"newer version .*0099.* {head}"):
        open_store(store_url)
    assert _state(store_url) == before


def test_tables_of_another_program_are_left_alone(store_url: str) -> None:
    """A table and no revision: refused, and nothing is added."""
    with _engine(store_url) as engine, engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (a integer)"))
    before = _state(store_url)
    with pytest.raises(UnavailableError, match="another program made it"):
        open_store(store_url)
    assert _state(store_url) == before


def test_head_is_the_last_migration() -> None:
    """Migrations are numbered 0001 and up, one after the other, without branches."""
    names = sorted(path.name for path in revision.MIGRATIONS.glob("versions/*.py"))
    numbers = [name.partition("_")[0] for name in names]
    assert numbers == [f"{number:04d}" for number in range(1, len(names) + 1)]
    assert revision.head_revision() == numbers[-1]


def test_leases_keep_their_epochs_when_they_get_addresses(path: Path) -> None:
    """Whoever had one is fenced after it as before; nobody's address is known."""
    tenant = TenantId("brand")
    with closing(open_store(f"sqlite:///{path}")) as store:
        leases = store.leases()
        for holder in ("a", "b"):
            assert leases.take(tenant, holder, leases.state(tenant), "here:1")
    take_back(path, "0009")
    with closing(open_store(f"sqlite:///{path}")) as store:
        assert store.leases().state(tenant) == LeaseState(Lease(tenant, 2), "b", 0, "")
