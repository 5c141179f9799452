"""`nearturn doctor` before sound and unsound installations, on real databases."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme
from cryptography import x509
from nats.js.api import StorageType
from typer.testing import CliRunner

from server.cli import doctor_checks as checks
from server.cli.app import app
from server.cli.doctor_access import _certificate, check_access
from server.cli.doctor_findings import Finding, Level
from server.cli.doctor_run import findings
from server.config import Settings, load_settings
from server.storage.opening import open_store
from server.storage.revision import head_revision
from server.storage.store_probe import StoreProbe
from tests.scenarios.access_folder import AccessFolder
from tests.scenarios.event_reader import make_stream
from tests.scenarios.nats_broker import NatsBroker
from tests.scenarios.older_store import take_back
from tests.scenarios.postgres_server import PostgresServer

_NOW_US = 1_800_000_000_000_000
_HOUR_US = 3_600_000_000


def _settings(**values: object) -> Settings:
    return load_settings(None, **values)


def _on(path: Path) -> Settings:
    return _settings(store_url=f"sqlite:///{path}")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Path:
    """Make an empty store of this version and close it."""
    path = tmp_path / "nearturn.db"
    open_store(f"sqlite:///{path}").close()
    return path


def test_a_sound_installation_has_nothing_to_do(store: Path) -> None:
    """Every check says OK or, on a machine with little room, WARN: exit code 0."""
    url = f"sqlite:///{store}"
    arguments = ("--insecure", "--listen", "127.0.0.1:0", "--store-url", url)
    result = CliRunner().invoke(app, ["doctor", *arguments])
    assert result.exit_code == 0, result.output
    assert "FAIL" not in result.output
    named = {line.split()[1] for line in result.output.splitlines() if line[0] != " "}
    assert {"settings", "store", "clock", "disk", "threads", "kernels"} <= named
    assert {"access", "broker", "listen", "health_listen", "metrics_listen"} <= named
    assert head_revision() in result.output


def test_it_leaves_no_trace(store: Path) -> None:
    """The store's bytes are as they were, and where there was none there is none."""
    before = store.read_bytes()
    for path in (store, store.with_name("another.db")):
        list(checks.check_store(_on(path)))
        checks.check_disk(_on(path))
    assert store.read_bytes() == before
    assert not store.with_name("another.db").exists()


def test_unsound_settings_are_all_told(tmp_path: Path) -> None:
    """Two faults, two lines, and nothing is checked with half of the settings."""
    file = tmp_path / "nearturn.toml"
    file.write_text("solver_threads = 0\nqueue_count = 1\n")
    found = list(findings(file))
    assert [each.level for each in found] == [Level.FAIL, Level.FAIL]
    assert any("solver_threads: got 0" in each.said for each in found)
    result = CliRunner().invoke(app, ["doctor", "--config", str(file)])
    assert result.exit_code == 3


def _older(path: Path) -> None:
    open_store(f"sqlite:///{path}").close()
    take_back(path, "0007")


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (id INTEGER)")
        connection.commit()


def _noise(path: Path) -> None:
    path.write_bytes(b"not a database at all, " * 100)


@pytest.mark.parametrize(
    ("make", "level", "said"),
    [
        (_older, Level.WARN, "this version"),
        (_foreign, Level.FAIL, "another program made it"),
        (_noise, Level.FAIL, "cannot read its revision"),
    ],
)
def test_a_store_that_is_not_of_this_version_is_told(
    tmp_path: Path, make: object, level: Level, said: str
) -> None:
    """An older one is only upgraded; what is no store of ours stops a server."""
    path = tmp_path / "nearturn.db"
    assert callable(make)
    make(path)
    found = checks.check_store(_on(path))[0]
    assert (found.check, found.level) == ("store", level)
    assert said in found.said
    assert found.todo


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    """Neither store nor disk can be looked at."""
    settings = _on(tmp_path / "nowhere" / "nearturn.db")
    (store,) = checks.check_store(settings)
    assert store.level is Level.FAIL
    assert checks.check_disk(settings).level is Level.FAIL


def test_postgres_is_asked_too(postgres: PostgresServer) -> None:
    """Empty, then made, with the database's own clock; then it is gone."""
    url = postgres.new_database()
    empty, clock = checks.check_store(_settings(store_url=url))
    assert "there is none yet" in empty.said
    assert (clock.check, clock.level) == ("clock", Level.OK)
    open_store(url).close()
    made, clock = checks.check_store(_settings(store_url=url))
    assert head_revision() in made.said
    assert "from the database's" in clock.said
    away = _settings(store_url="postgresql://nobody:secret@127.0.0.1:1/none")
    (gone,) = checks.check_store(away)
    assert gone.level is Level.FAIL
    assert "secret" not in gone.said


@pytest.mark.parametrize(
    ("clock_us", "written_us", "levels"),
    [
        (_NOW_US, None, [Level.OK]),
        (_NOW_US + 2_000_000, _NOW_US - _HOUR_US, [Level.OK]),
        (_NOW_US + 2_100_000, None, [Level.WARN]),
        (_NOW_US - _HOUR_US, _NOW_US + _HOUR_US, [Level.WARN, Level.FAIL]),
        (None, _NOW_US + 2_000_000, [Level.OK]),
        (None, _NOW_US + 2_100_000, [Level.FAIL]),
        (None, None, [Level.OK]),
    ],
)
def test_clocks_are_held_against_each_other(
    clock_us: int | None, written_us: int | None, levels: list[Level]
) -> None:
    """Two seconds are near enough; a store written in the future holds a server up."""
    probe = StoreProbe("1", "1", (), clock_us, written_us)
    found = list(checks._clocks(probe, _NOW_US))
    assert [each.level for each in found] == levels


@pytest.mark.parametrize(
    ("free_gib", "level"), [(0.9, Level.FAIL), (1, Level.WARN), (10, Level.OK)]
)
def test_a_disk_that_fills_is_told_in_time(
    store: Path, monkeypatch: pytest.MonkeyPatch, free_gib: float, level: Level
) -> None:
    """At exactly 1 and 10 GiB the better of two words."""
    usage = SimpleNamespace(free=int(free_gib * 2**30))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert checks.check_disk(_on(store)).level is level


def test_kernels_run_and_are_kept() -> None:
    """After this process has run them once there is nothing to compile."""
    checks.check_kernels(_settings())
    found = checks.check_kernels(_settings())
    assert found.level is Level.OK
    assert len(list(checks._kernels())) > 20


def test_more_threads_than_cores_gain_nothing() -> None:
    """No machine of today has 256 for it."""
    assert checks.check_threads(_settings(solver_threads=256)).level is Level.WARN
    assert checks.check_threads(_settings(solver_threads=1)).level is Level.OK


@pytest.fixture(name="taken")
def _taken() -> Iterator[str]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield f"127.0.0.1:{other.getsockname()[1]}"


def test_a_port_that_something_else_has_is_told(taken: str) -> None:
    """It does not answer as a server of ours would; over TLS it might be one."""
    plain = _settings(listen=taken, insecure=True)
    assert checks.check_port(plain).level is Level.FAIL
    found = checks.check_port(_settings(listen=taken))
    assert found.level is Level.WARN
    assert "--ca" in found.todo
    metrics = _settings(listen="127.0.0.1:0", metrics_listen=taken)
    assert checks.check_metrics_port(metrics).level is Level.FAIL
    health = _settings(listen="127.0.0.1:0", health_listen=taken)
    assert checks.check_health_port(health).level is Level.FAIL
    free = _settings(listen="127.0.0.1:0", health_listen="127.0.0.1:0")
    assert checks.check_health_port(free).level is Level.OK
    assert checks.check_port(_settings(listen="127.0.0.1:0")).level is Level.OK


def _broker(url: str) -> Finding:
    return checks.check_broker(_settings(nats_url=url))


def test_a_broker_is_asked_for_its_stream(tmp_path: Path) -> None:
    """No stream yet, one that is kept in memory only, and a broker that is gone."""
    with NatsBroker(tmp_path / "broker") as broker:
        missing = _broker(broker.url)
        assert missing.level is Level.OK
        assert "there is no stream NEARTURN yet" in missing.said
        asyncio.run(make_stream(broker.url, storage=StorageType.MEMORY))
        faulty = _broker(broker.url)
        assert faulty.level is Level.FAIL
        assert "storage is memory" in faulty.said
    gone = _broker(broker.url)
    assert gone.level is Level.FAIL
    assert "does not answer" in gone.said


def test_access_is_checked_as_a_server_would(tmp_path: Path) -> None:
    """Everything there; then a key of another certificate; then nothing at all."""
    folder = AccessFolder(tmp_path / "access")
    found = check_access(_settings(**folder.settings()))
    assert found.level is Level.OK, found
    assert "API keys, tokens" in found.said
    nowhere = _settings(**folder.settings(), connect_origins="https://a.example")
    found = check_access(nowhere)
    assert (found.level, "connect_listen" in found.said) == (Level.FAIL, True)
    (folder.folder / "tls.key").write_bytes(
        trustme.CA().issue_cert("other").private_key_pem.bytes()
    )
    found = check_access(_settings(**folder.settings()))
    assert (found.level, "tls_key" in found.said) == (Level.FAIL, True)
    assert check_access(_settings()).level is Level.FAIL
    assert check_access(_settings(insecure=True)).level is Level.WARN


@pytest.mark.parametrize(("days", "level"), [(13, Level.WARN), (15, Level.OK)])
def test_a_certificate_that_ends_soon_is_told(
    tmp_path: Path, days: int, level: Level
) -> None:
    """Two weeks are enough to have another one made."""
    folder = AccessFolder(tmp_path / "access")
    file = folder.folder / "tls.crt"
    (own,) = x509.load_pem_x509_certificates(file.read_bytes())
    now = own.not_valid_after_utc - timedelta(days=days)
    assert _certificate(str(file), "API keys", now).level is level
