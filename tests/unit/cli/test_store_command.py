"""`nearturn store` over files: what it does, and what it refuses."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from matcher.domain.errors import InvalidValueError, NearturnError, UnavailableError
from server.cli.app import app
from server.storage import backup, new_file, restore
from server.storage.checksum import digest_of, write_checksum
from server.storage.opening import open_store
from server.storage.restore_marker import RestoreMarker
from server.storage.revision import head_revision
from server.storage.sqlite_database import SqliteParams
from server.storage.store_lock import StoreLock
from tests.scenarios.older_store import take_back
from tests.scenarios.stored_life import live_in

_NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
_ASIDE = "store.db.20260302T120000Z.old"


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a sound store that nobody writes to."""
    path = tmp_path_factory.mktemp("life") / "life.db"
    live_in(path)
    return path


@pytest.fixture
def store(life: Path, tmp_path: Path) -> Path:
    """Return a store of one's own."""
    return Path(shutil.copyfile(life, tmp_path / "store.db"))


@pytest.fixture(autouse=True)
def _logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Logs are set up once in a process, and this one has other tests to run.
    monkeypatch.setattr("server.cli.store_run.configure_logs", lambda **_: None)
    with capture_logs():
        yield


def _run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["store", *map(str, arguments)])
    if isinstance(result.exception, NearturnError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def _url(path: Path) -> tuple[str, str]:
    return "--store-url", f"sqlite:///{path}"


def _files(folder: Path) -> set[str]:
    # But for what SQLite and the lock leave beside a file that was read.
    ends = ("-shm", "-wal", ".lock", ".sha256")
    return {each.name for each in folder.iterdir() if not each.name.endswith(ends)}


def _rows(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_a_sound_store_is_said_to_be(store: Path) -> None:
    """One line, exit code 0; with --rounds it says how many proofs were checked."""
    said = _run("check", *_url(store), "--rounds")
    assert said == f"{store}: sound; revision {head_revision()}, 182 rows, 2 proofs\n"


def test_each_violation_is_a_line(store: Path) -> None:
    """Table, id and what is wrong; exit code 3, and --limit bounds the lines."""
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("UPDATE demands SET version = version + 1")
        connection.commit()
    lines = _run("check", *_url(store), "--quick", "--limit", 3, code=3).splitlines()
    assert lines[0].startswith("demands 'dr00' of tenant 'brand': version is ")
    assert lines[3:] == [
        f"{store}: 10 violations; revision {head_revision()}, 182 rows"
    ]


def test_damaged_pages_are_told_of(store: Path) -> None:
    """A page overwritten in the middle: exit code 3, and no row is looked at."""
    with store.open("r+b") as file:
        file.seek(30 * 4_096)
        file.write(b"\xff" * 4_096)
    said = _run("check", *_url(store), code=3)
    assert said.startswith("damaged: ")
    assert said.endswith(f"{store}: damaged; its rows were not checked\n")


def test_an_index_that_misses_a_row_is_damage_unless_quick(store: Path) -> None:
    """--quick leaves comparing indexes out, and only that."""
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, 'tenant, state', "
            "'tenant, version') WHERE name = 'demands_by_state'"
        )
        connection.commit()
    assert "demands_by_state" in _run("check", *_url(store), code=3)
    assert ": sound" in _run("check", *_url(store), "--quick")


def test_what_is_no_store_cannot_be_checked(tmp_path: Path) -> None:
    """Missing, empty and foreign files are errors of their own, not findings."""
    missing, empty = tmp_path / "missing.db", tmp_path / "empty.db"
    with pytest.raises(UnavailableError, match="there is no such file"):
        _run("check", *_url(missing))
    with pytest.raises(UnavailableError, match="this is a folder"):
        _run("check", *_url(tmp_path))
    empty.touch()
    with pytest.raises(UnavailableError, match="it is empty"):
        _run("check", *_url(empty))
    with pytest.raises(UnavailableError, match="another program made it"):
        _run("check", *_url(_foreign(tmp_path / "foreign.db")))


def test_rows_of_an_older_revision_are_not_checked(store: Path) -> None:
    """It is said that they were not; the way to it is named."""
    take_back(store, "0006")
    with pytest.raises(UnavailableError, match="nearturn store migrate"):
        _run("check", *_url(store))


def test_a_backup_is_the_store(store: Path, tmp_path: Path) -> None:
    """The same rows in one file; nothing else is left in the folder."""
    file = tmp_path / "kept" / "monday.db"
    file.parent.mkdir()
    said = _run("backup", file, *_url(store))
    size = file.stat().st_size
    names = ("monday.db", "monday.db.sha256")
    assert said == f"backup: {file}, {size:,} bytes, revision {head_revision()}\n"
    assert _rows(file) == _rows(store)
    assert {each.name for each in file.parent.iterdir()} == {*names}
    assert ": sound" in _run("check", *_url(file), "--rounds")
    # A backup is a single file, be it read or not.
    assert {each.name for each in file.parent.iterdir()} == {*names}


def test_a_backup_is_of_an_open_store_and_its_log(store: Path, tmp_path: Path) -> None:
    """What only the log holds is in it; the store goes on being written."""
    with closing(open_store(f"sqlite:///{store}")) as opened:
        before = opened.forget_answers(0)
        with opened._database.writing("age") as connection:
            connection.exec_driver_sql("UPDATE counters SET round_count = 77")
        assert store.with_name("store.db-wal").stat().st_size
        backup.back_up(store, tmp_path / "b.db", lambda *_: None)
        assert opened.forget_answers(0) == before
    assert any("77" in row for row in _rows(tmp_path / "b.db") if "counters" in row)


def test_a_backup_is_of_one_instant(store: Path, tmp_path: Path) -> None:
    """A commit between two pages of it is in none of them."""
    # Checkpoints do not wait for readers here.
    params = SqliteParams(wait_s=0.0)
    with closing(open_store(f"sqlite:///{store}", params)) as opened:
        before = _rows(store)

        def commit(done: int, total: int) -> None:
            with opened._database.writing("disturb") as connection:
                connection.exec_driver_sql("UPDATE counters SET round_count = 78")
                connection.exec_driver_sql("DELETE FROM decisions")
            opened._database.settle_log()
            seen.append((done, total))
            assert len(seen) < 500, "it starts again and again"

        seen: list[tuple[int, int]] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backup, "_PAGES_AT_ONCE", 7)
            backup.back_up(store, tmp_path / "b.db", commit)
    assert len(seen) > 5
    assert seen[-1][0] == seen[-1][1]
    assert _rows(tmp_path / "b.db") == before


def test_a_backup_replaces_nothing(store: Path, tmp_path: Path) -> None:
    """A file that exists stays as it was; a folder that does not is named."""
    there = tmp_path / "there.db"
    there.write_text("precious")
    with pytest.raises(InvalidValueError, match="does not exist yet"):
        _run("backup", there, *_url(store))
    assert there.read_text() == "precious"
    with pytest.raises(InvalidValueError, match="a folder that exists"):
        _run("backup", tmp_path / "none" / "b.db", *_url(store))


@pytest.mark.parametrize("page", [0, 28])
def test_a_backup_that_is_not_sound_is_not_there(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Bytes that the disk lost are found when it is read back."""
    check = backup.check_copy

    def after_a_loss(part: Path, revision: str | None = None) -> str:
        with part.open("r+b") as file:
            file.seek(page * 4_096)
            file.write(b"\xff" * 64)
        return check(part, revision)

    monkeypatch.setattr(backup, "check_copy", after_a_loss)
    before = _files(tmp_path)
    with pytest.raises(UnavailableError):
        _run("backup", tmp_path / "b.db", *_url(store))
    assert _files(tmp_path) == before


def _backup(life: Path, tmp_path: Path) -> Path:
    file = tmp_path / "backup.db"
    backup.back_up(life, file, lambda *_: None)
    return file


def test_a_restore_makes_a_store_where_none_is(life: Path, tmp_path: Path) -> None:
    """The same rows; a server can open it, and nothing else is left."""
    file, place = _backup(life, tmp_path), tmp_path / "new.db"
    said = _run("restore", file, *_url(place))
    assert said == f"restored: {place}, revision {head_revision()}\n"
    assert _rows(place) == _rows(file)
    open_store(f"sqlite:///{place}").close()
    assert _files(tmp_path) == {"backup.db", "new.db"}


def test_a_restore_keeps_the_old_store_aside(life: Path, tmp_path: Path) -> None:
    """With --replace only, under a dated name, with what only its log held."""
    file, place = _backup(life, tmp_path), tmp_path / "store.db"
    _store_with_a_log(life, place)
    with pytest.raises(InvalidValueError, match="or --replace"):
        _run("restore", file, *_url(place))
    done = restore.restore(file, place, replaces=True, now=_NOW)
    assert done.aside == tmp_path / _ASIDE
    assert _rows(place) == _rows(file)
    assert any("77" in row for row in _rows(tmp_path / _ASIDE) if "counters" in row)


def _store_with_a_log(life: Path, place: Path) -> None:
    # As a server that was killed leaves it, with its last commit in the log.
    work = place.with_name("work.db")
    shutil.copyfile(life, work)
    with closing(open_store(f"sqlite:///{work}")) as opened:
        with opened._database.writing("age") as connection:
            connection.exec_driver_sql("UPDATE counters SET round_count = 77")
        shutil.copyfile(work, place)
        log = work.with_name("work.db-wal")
        shutil.copyfile(log, place.with_name(place.name + "-wal"))
    work.unlink()


def _foreign(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE demands (tenant)")
    return path


def _newer(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE nearturn_revision SET version_num = '9999'")
        connection.commit()
    write_checksum(path, digest_of(path))
    return path


def _flipped(path: Path) -> Path:
    # One bit in the text of a row, which SQLite's own check passes over.
    data = path.read_bytes()
    at = data.rindex(b"order-of-")
    path.write_bytes(data[:at] + b"g" + data[at + 1 :])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return path


def _torn(path: Path) -> Path:
    # A page that never came to the disk, of a copy whose checksum was left behind.
    path.with_name(path.name + ".sha256").unlink()
    with path.open("r+b") as file:
        file.seek(28 * 4_096)
        file.write(b"\xff" * 4_096)
    return path


def _cut(path: Path) -> Path:
    os.truncate(path, path.stat().st_size - 4_096)
    return path


def _no_database(path: Path) -> Path:
    path.with_name(path.name + ".sha256").unlink()
    return _text(path)


def _text(path: Path) -> Path:
    path.write_text("no database " * 1_000)
    return path


def _with_a_log(path: Path) -> Path:
    path.with_name(path.name + "-wal").write_bytes(b"\0" * 4_152)
    return path


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_foreign, "another program made it"),
        (_newer, "a newer version made it"),
        (_no_database, "not a database"),
        (_flipped, "its bytes are not those of backup.db.sha256"),
        (_torn, "damaged|malformed"),
        (_cut, "damaged|malformed"),
        (_text, "its bytes are not those of"),
        (_with_a_log, "is beside it"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_an_unfit_backup_touches_nothing(
    life: Path, store: Path, tmp_path: Path, spoil: Callable[[Path], Path], why: str
) -> None:
    """Refused before the old store is touched, be it there or not."""
    file = tmp_path / "backup.db"
    if spoil is not _foreign:
        _backup(life, tmp_path)
    spoil(file)
    before, rows = _files(tmp_path), _rows(store)
    with pytest.raises(NearturnError, match=why) as caught:
        _run("restore", file, *_url(store), "--replace")
    # It names the file that was given, and not the copy that was looked at.
    assert file.name in str(caught.value)
    assert ".part" not in str(caught.value)
    with pytest.raises(NearturnError, match=why):
        _run("restore", file, *_url(tmp_path / "other.db"))
    assert _files(tmp_path) == before
    assert _rows(store) == rows


def test_a_restore_waits_for_no_server(life: Path, store: Path, tmp_path: Path) -> None:
    """While a server holds the store, a restore is refused at once."""
    file = _backup(life, tmp_path)
    with (
        closing(open_store(f"sqlite:///{store}")),
        pytest.raises(UnavailableError, match="has it open"),
    ):
        _run("restore", file, *_url(store), "--replace")


class CutOffError(BaseException):
    """Stands in for a process that is killed: nothing tidies up after it."""


@pytest.mark.parametrize("step", range(12))
def test_a_restore_that_is_cut_off_goes_on(
    life: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """
    Cut off before its n-th change of a name: old store, new store, or a note.

    The same command then ends in the new store, and the old one is aside as it was.
    """
    file, place = _backup(life, tmp_path), tmp_path / "store.db"
    _store_with_a_log(life, place)
    left = [step]

    def counted(change: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object, **options: object) -> object:
            if left[0] == 0:
                raise CutOffError
            left[0] -= 1
            return change(*arguments, **options)

        return run

    with monkeypatch.context() as patch:
        for name in ("rename", "replace", "unlink"):
            patch.setattr(Path, name, counted(getattr(Path, name)))
        patch.setattr(new_file, "sync", counted(new_file.sync))
        with suppress(CutOffError):
            restore.restore(file, place, replaces=True, now=_NOW)
    if RestoreMarker(place).aside() is not None:
        with pytest.raises(UnavailableError, match="a restore was cut off"):
            open_store(f"sqlite:///{place}")
        with pytest.raises(UnavailableError, match="a restore was cut off"):
            _run("check", *_url(place))
        _run("restore", file, *_url(place))
    elif not (tmp_path / _ASIDE).exists():
        assert any("77" in row for row in _rows(place) if "counters" in row)
        restore.restore(file, place, replaces=True, now=_NOW)
    assert _rows(place) == _rows(file)
    assert any("77" in row for row in _rows(tmp_path / _ASIDE) if "counters" in row)
    open_store(f"sqlite:///{place}").close()


def test_a_migration_is_told_done_and_undone(store: Path, tmp_path: Path) -> None:
    """A dry run changes nothing; the backup beside the store is of before."""
    head = head_revision()
    take_back(store, "0006")
    before = _rows(store)
    told = f"{store}: revision 0006, this version has {head}\n"
    assert _run("migrate", *_url(store), "--dry-run") == f"{told}it would be upgraded\n"
    assert _rows(store) == before
    said = _run("migrate", *_url(store))
    assert said.startswith(f"{told}backup: {store}.")
    assert said.endswith(f"revision 0006\nupgraded: revision {head}\n")
    (kept,) = [each for each in _files(tmp_path) if each.endswith(".revision-0006")]
    assert _rows(tmp_path / kept) == before
    assert _run("migrate", *_url(store)).endswith("nothing to do\n")
    _run("restore", tmp_path / kept, *_url(store), "--replace")
    assert _rows(store) == before


def test_a_migration_without_a_backup_makes_none(store: Path, tmp_path: Path) -> None:
    """--no-backup upgrades and leaves no other file."""
    take_back(store, "0006")
    _run("migrate", *_url(store), "--no-backup")
    assert _files(tmp_path) == {"store.db"}
    # Limits are not counted for matches of before: nothing to hold them against.
    assert "match_counts" in _run("check", *_url(store), code=3)


def test_a_migration_is_refused_beside_a_server(store: Path, tmp_path: Path) -> None:
    """Whoever holds the lock keeps the revision; no backup is left behind."""
    take_back(store, "0006")
    lock = StoreLock(store.resolve())
    try:
        with pytest.raises(UnavailableError, match="has it open"):
            _run("migrate", *_url(store))
    finally:
        lock.release()
    assert _files(tmp_path) == {"store.db"}
