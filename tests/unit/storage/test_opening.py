"""The URL in the configuration, and the store that it opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.domain.errors import InvalidValueError
from server.storage.opening import open_store
from server.storage.postgres_params import PostgresParams
from server.storage.sqlite_database import SqliteParams


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "store.db",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///store.db?mode=ro",
        "sqlite:///store.db?",
        "sqlite://host/store.db",
        "sqlite+pysqlite:///store.db",
        "postgresql+psycopg://user:secret@host/base",
        "postgres://user:secret@host/base",
        "mysql://user:secret@host/base",
        "file:///store.db",
    ],
)
def test_url_that_names_no_file_is_refused(url: str) -> None:
    """Another kind, no file, memory, or options: told, and no password shown."""
    with pytest.raises(InvalidValueError, match=r"store_url.*sqlite:///FILE") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret@host/base?unknown=1",
        "postgresql://user:se/cret@host/base",
        "postgresql://user:12/secret@host/base",
        "postgresql://user:secret@host:port/base",
        "postgresql://user@[::1/base?password=secret",
        "postgresql://user:%zzsecret@host/base",
    ],
)
def test_url_of_a_server_is_read_with_care(url: str) -> None:
    """An option, a port or an escape that is none: told, and no password shown."""
    with pytest.raises(InvalidValueError, match=r"store_url.*postgresql://") as caught:
        open_store(url)
    assert "cret" not in str(caught.value)


def test_path_is_relative_or_from_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three slashes start in the working folder, four at the root: one same file."""
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///store.db").close()
    assert (tmp_path / "store.db").stat().st_size > 0
    open_store(f"sqlite:///{tmp_path}/store.db").close()
    assert _names(tmp_path) == ["store.db", "store.db.lock"]


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "%41.db", "#1&x=y.db", "é.db"])
def test_name_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    """Nothing in the path is decoded: what the URL says is what the folder shows."""
    open_store(f"sqlite:///{tmp_path}/{name}").close()
    assert _names(tmp_path) == sorted([name, f"{name}.lock"])


def test_settings_are_checked() -> None:
    """Each setting one step past either end of its range is refused by name."""
    for name, low, high in (
        ("reader_count", 0, 65),
        ("connect_timeout_s", 1, 61),
        ("statement_timeout_ms", 99, 3_600_001),
        ("idle_timeout_ms", 99, 3_600_001),
        ("network_timeout_ms", 99, 600_001),
    ):
        for value in (low, high):
            with pytest.raises(InvalidValueError, match=name):
                PostgresParams(**{name: value})
    for name, low, high in (
        ("reader_count", 0, 65),
        ("wait_s", -0.1, 60.1),
        ("checkpoint_pages", 99, 1_000_001),
        ("cache_mib", 0, 65_537),
    ):
        for value in (low, high):
            with pytest.raises(InvalidValueError, match=name):
                SqliteParams(**{name: value})
