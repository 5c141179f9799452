"""Writes that fail at any point: nothing of them is stored, and the next one works."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from matcher.domain.errors import UnavailableError
from matcher.engine.changes import Changes
from server.storage.opening import open_store
from server.storage.sql_store import SqlStore
from server.storage.sqlite_database import SqliteParams
from tests.contract.store.rows import (
    BRAND,
    OTHER,
    answer_row,
    changes_of,
    decision_row,
    demand_row,
    match_row,
    policy_row,
    return_row,
    round_row,
    service_area_row,
    warehouse_day_row,
    warehouse_row,
)

_NETWORK = warehouse_row("w1"), service_area_row("a1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of the store."""
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    """Give a store that has had one commit and waits 50 ms for locks."""
    opened = open_store(f"sqlite:///{path}", SqliteParams(wait_s=0.05))
    opened.commit([(BRAND, changes_of(demand_row(), decision_row(1), *_NETWORK))])
    yield opened
    opened.close()


def _commit(store: SqlStore) -> None:
    """Commit a row of each kind in two tenants, deletions and an answer."""
    gone = Changes()
    gone.warehouses[_NETWORK[0].warehouse_id] = None
    gone.service_areas[_NETWORK[1].service_area_id] = None
    everything = changes_of(
        demand_row(version=9),
        return_row(),
        match_row(),
        policy_row(),
        warehouse_row("w2"),
        service_area_row("a2", "[" + " " * 30_000 + "]"),
        warehouse_day_row(),
        decision_row(2),
        round_row(proof=bytes(30_000)),
    )
    entries = [(BRAND, gone), (BRAND, everything), (OTHER, changes_of(demand_row()))]
    store.commit(entries, [answer_row()])


def _seen(store: SqlStore) -> object:
    return (
        store.tenants(),
        store.load(BRAND),
        store.load(OTHER),
        store.decisions_after(BRAND, 0, 99),
        store.round(BRAND, round_row().round_id),
        store.answer(BRAND, "q1"),
    )


def _assert_refused(store: SqlStore, before: object, cause: str = "") -> None:
    with pytest.raises(UnavailableError, match=f"cannot commit: .*{cause}") as caught:
        _commit(store)
    assert caught.value.__cause__ is not None
    assert _seen(store) == before


def _assert_works(store: SqlStore) -> None:
    _commit(store)
    assert store.tenants() == [BRAND, OTHER]
    assert [each.sequence for each in store.decisions_after(BRAND, 0, 99)] == [1, 2]
    assert store.load(BRAND).demands == (demand_row(version=9),)
    assert store.answer(BRAND, "q1") == answer_row()


def _on_writer(store: SqlStore, act: Callable[[sqlite3.Connection], object]) -> None:
    # The writer's pool has one connection, so this is the one that commits.
    with closing(store._database._writer.raw_connection()) as pooled:
        connection = pooled.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        act(connection)


class Interruption:
    """Stops the database's machine at one of the places where it lets itself stop."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0

    def __call__(self) -> bool:
        """Say whether to stop here; once only, so that tidying up goes through."""
        self.count += 1
        return self.count == self.at


def _commit_interrupted(store: SqlStore, at: int) -> int:
    """Commit with an interruption; return how many places there were."""
    interruption = Interruption(at)
    _on_writer(store, lambda each: each.set_progress_handler(interruption, 1))
    try:
        _commit(store)
    finally:
        _on_writer(store, lambda each: each.set_progress_handler(None, 0))
    return interruption.count


def test_commit_that_is_cut_off_anywhere_leaves_nothing(store: SqlStore) -> None:
    """Stopped at every fifth place, from BEGIN to COMMIT; then not stopped at all."""
    before = _seen(store)
    at = 1
    while True:
        try:
            places = _commit_interrupted(store, at)
        except UnavailableError as error:
            assert str(error).endswith("cannot commit: interrupted")  # noqa: PT017
            assert _seen(store) == before
        else:
            break
        at += 5
    # Sixteen statements of a dozen places or more each: the loop met them all.
    assert places < at
    assert at > 16 * 12
    assert store.tenants() == [BRAND, OTHER]
    assert [each.sequence for each in store.decisions_after(BRAND, 0, 99)] == [1, 2]


@pytest.mark.parametrize("spare_pages", [0, 1, 4, 12])
def test_full_database_takes_nothing(store: SqlStore, spare_pages: int) -> None:
    """With no, few and almost enough pages left, of the 16 that it needs."""
    before = _seen(store)

    def shrink(connection: sqlite3.Connection) -> None:
        (count,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {count + spare_pages}")

    _on_writer(store, shrink)
    _assert_refused(store, before, "database or disk is full")
    _assert_refused(store, before, "database or disk is full")
    _on_writer(
        store, lambda connection: connection.execute("PRAGMA max_page_count=99999")
    )
    _assert_works(store)


@contextmanager
def _files_up_to(size: int) -> Iterator[None]:
    """Let the system refuse writes past a size, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("spare_bytes", [0, 1, 5_000, 40_000, 90_000])
def test_full_disk_takes_nothing(store: SqlStore, path: Path, spare_bytes: int) -> None:
    """The log cannot grow by the about 100 kB of the commit; then it can again."""
    before = _seen(store)
    log_size = path.with_name("store.db-wal").stat().st_size
    with _files_up_to(log_size + spare_bytes):
        _assert_refused(store, before)
        _assert_refused(store, before)
    _assert_works(store)
    store.close()
    with closing(open_store(f"sqlite:///{path}")) as again:
        assert again.load(BRAND).demands == (demand_row(version=9),)


def test_store_killed_with_a_full_disk_opens(store: SqlStore, path: Path) -> None:
    """The half-written log of a refused commit is passed over by another opening."""
    before = _seen(store)
    log = path.with_name("store.db-wal")
    with _files_up_to(log.stat().st_size + 40_000):
        _assert_refused(store, before)
    # What a kill would leave behind, copied while the store is open.
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    copy.with_name("copy.db-wal").write_bytes(log.read_bytes())
    with closing(open_store(f"sqlite:///{copy}")) as again:
        assert _seen(again) == before
        _assert_works(again)


def test_database_locked_by_another_program_takes_nothing(
    store: SqlStore, path: Path
) -> None:
    """A shell with an open transaction on the file: refused after 50 ms, then not."""
    before = _seen(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        _assert_refused(store, before, "database is locked")
        with pytest.raises(UnavailableError, match=r"cannot forget answers: .*locked"):
            store.forget_answers(0)
        intruder.execute("ROLLBACK")
        _assert_works(store)
