"""How SQLite is set up, and which files are not opened."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, exc

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import DemandId
from server.storage.database import Database
from server.storage.sql_store import SqlStore
from server.storage.sqlite_database import SqliteParams, open_sqlite
from tests.contract.store.rows import (
    BRAND,
    changes_of,
    decision_row,
    demand_row,
)

_PARAMS = SqliteParams(wait_s=0.05)


def _pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def _opened(path: Path, params: SqliteParams = _PARAMS) -> Database:
    return open_sqlite(path, params)


def _stored(path: Path, count: int = 40) -> bytes:
    """Make a store of some pages at a path and return its bytes."""
    with closing(SqlStore(_opened(path))) as store:
        rows = [demand_row(f"d{number:03d}") for number in range(count)]
        store.commit([(BRAND, changes_of(*rows))])
    return path.read_bytes()


def test_writer_is_durable_and_checkpoints(tmp_path: Path) -> None:
    """A commit is on the disk before it returns: WAL, FULL (2), checkpoints by it."""
    params = SqliteParams(checkpoint_pages=123, cache_mib=3)
    with (
        closing(_opened(tmp_path / "store.db", params)) as database,
        database.writing("look") as connection,
    ):
        assert _pragma(connection, "journal_mode") == "wal"
        assert _pragma(connection, "synchronous") == 2
        assert _pragma(connection, "wal_autocheckpoint") == 123
        assert _pragma(connection, "cache_size") == -3 * 1024


def test_reader_neither_writes_nor_checkpoints(tmp_path: Path) -> None:
    """What SQLite before 3.51.3 may corrupt a log with, readers cannot do at all."""
    with (
        closing(_opened(tmp_path / "store.db")) as database,
        database.reading("look") as connection,
    ):
        assert _pragma(connection, "wal_autocheckpoint") == 0
        assert _pragma(connection, "query_only") == 1
        for text in ("DELETE FROM demands", "CREATE TABLE a (b)"):
            with pytest.raises(exc.OperationalError, match="readonly"):
                connection.exec_driver_sql(text)


def test_there_is_one_writer(tmp_path: Path) -> None:
    """While a transaction is open a second one waits, and gives up after wait_s."""
    with closing(_opened(tmp_path / "store.db")) as database:
        with (
            database.writing("hold on"),
            pytest.raises(UnavailableError, match="cannot write: QueuePool"),
            database.writing("write"),
        ):
            pytest.fail("two transactions at once")
        with database.writing("write later"):
            pass


def test_reads_past_the_pool_wait_and_give_up(tmp_path: Path) -> None:
    """With one reader and the kept one in use the next read is UNAVAILABLE."""
    params = SqliteParams(reader_count=1, wait_s=0.05)
    with closing(SqlStore(_opened(tmp_path / "store.db", params))) as store:
        with (
            store._database.snapshot("hold on"),
            store._database.snapshot("hold on"),
            pytest.raises(UnavailableError, match="cannot load a tenant: QueuePool"),
        ):
            store.load(BRAND)
        assert store.load(BRAND).demands == ()


def test_a_look_up_finds_a_connection_while_reads_have_all_others(
    tmp_path: Path,
) -> None:
    """Look-ups of the engine wait for no report: one connection is kept for them."""
    params = SqliteParams(reader_count=1, wait_s=0.05)
    with closing(SqlStore(_opened(tmp_path / "store.db", params))) as store:
        assert store.answer(BRAND, "request") is None
        with store._database.snapshot("hold on"):
            assert store.answer(BRAND, "request") is None
            with pytest.raises(UnavailableError, match="cannot load a tenant: Queue"):
                store.load(BRAND)
        assert store.load(BRAND).demands == ()


def test_closing_moves_the_log_into_the_file(tmp_path: Path) -> None:
    """A stopped server's file is the whole store: no log stays beside it."""
    path = tmp_path / "store.db"
    _stored(path)
    with closing(SqlStore(_opened(path))) as store:
        assert store.demand(BRAND, DemandId("nobody")) is None
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "store.db",
        "store.db.lock",
    ]


def test_long_log_is_checkpointed_by_commits(tmp_path: Path) -> None:
    """At 100 pages a log starts again: after 300 commits of 3 or more it has few."""
    path = tmp_path / "store.db"
    params = SqliteParams(checkpoint_pages=100)
    with closing(SqlStore(_opened(path, params))) as store:
        for number in range(1, 301):
            store.commit([(BRAND, changes_of(decision_row(number)))])
        log = path.with_name("store.db-wal")
        assert log.stat().st_size < 200 * 4_200
        assert len(store.decisions_after(BRAND, 0, 999)) == 300


def test_two_names_of_a_file_are_one_store(tmp_path: Path) -> None:
    """A symbolic link does not get round the lock."""
    path, link = tmp_path / "store.db", tmp_path / "link.db"
    link.symlink_to(path)
    with (
        closing(_opened(path)),
        pytest.raises(UnavailableError, match=f"{os.getpid()} has it open"),
    ):
        _opened(link)
    _opened(link).close()


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE demands (tenant, demand_id, document)")
        connection.execute("INSERT INTO demands VALUES ('a', 'b', 'c')")
        connection.commit()


def _foreign_in_wal_mode(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    _foreign(path)


def _without_revision(path: Path) -> None:
    _stored(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM nearturn_revision")
        connection.commit()


def _noise_with_journal(path: Path) -> None:
    # What is left of a transaction would be rolled back first.
    path.write_bytes(random.Random(8).randbytes(8192))
    path.with_name("store.db-journal").write_bytes(random.Random(9).randbytes(4096))


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "another program's": (_foreign, "another program made it"),
    "another program's in WAL mode": (_foreign_in_wal_mode, "another program"),
    "ours without a revision": (_without_revision, "another program"),
    "noise": (
        lambda path: path.write_bytes(random.Random(8).randbytes(8192)),
        "not a database",
    ),
    "noise beside a journal": (_noise_with_journal, "not a database"),
    "a short text": (lambda path: path.write_text("demand_id,sku\n"), "not a database"),
    "half a header": (
        lambda path: path.write_bytes(_stored(path)[:50]),
        "malformed",
    ),
    "one page": (lambda path: path.write_bytes(_stored(path)[:4096]), "malformed"),
    "a page too few": (lambda path: path.write_bytes(_stored(path)[:-4096]), "malform"),
    "a byte too few": (lambda path: path.write_bytes(_stored(path)[:-1]), "damaged"),
    "a folder": (lambda path: path.mkdir(), "cannot open it"),
}


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED)
def test_file_that_is_no_store_is_refused_unchanged(
    tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    """It says which file and why, leaves every byte, and lets go of the lock."""
    path = tmp_path / "store.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    for _ in range(2):
        with pytest.raises(UnavailableError, match=rf"store {path}: .*{said}"):
            _opened(path)
        assert (path.read_bytes() if path.is_file() else None) == before


def test_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """What `touch` or a temporary file made counts as missing."""
    path = tmp_path / "store.db"
    path.touch()
    assert len(_stored(path)) > 0


def test_what_a_killed_process_left_unfinished_is_rolled_back(tmp_path: Path) -> None:
    """With a rollback journal beside it, a store opens as it was before (I4)."""
    path, copy = tmp_path / "store.db", tmp_path / "copy.db"
    _stored(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        # So small a cache that pages reach the file before the commit.
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("DELETE FROM demands")
        for name in ("store.db", "store.db-journal"):
            shutil.copy(tmp_path / name, copy.with_name(name.replace("store", "copy")))
    with closing(SqlStore(_opened(copy))) as store:
        assert len(store.load(BRAND).demands) == 40


def test_damage_inside_is_found_when_asked_for(tmp_path: Path) -> None:
    """A page of noise in the middle passes unseen, unless the whole file is checked."""
    path = tmp_path / "store.db"
    whole = _stored(path, count=400)
    # The last page holds rows of the last table that grew.
    noise = random.Random(16).randbytes(4096)
    path.write_bytes(whole[:-4096] + noise)
    checked = SqliteParams(checks_integrity=True)
    with pytest.raises(UnavailableError, match="it is damaged"):
        _opened(path, checked)
    with (
        closing(SqlStore(_opened(path))) as store,
        pytest.raises(UnavailableError, match="cannot load a tenant: database disk"),
    ):
        store.load(BRAND)
    path.write_bytes(whole)
    with closing(SqlStore(_opened(path, checked))) as store:
        assert len(store.load(BRAND).demands) == 400
