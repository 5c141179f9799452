"""`nearturn store` over PostgreSQL: what it does, and which tools do the rest."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from matcher.domain.errors import InvalidValueError, NearturnError, UnavailableError
from server.cli.app import app
from server.storage.lease import FencedError, Lease
from server.storage.opening import open_store
from server.storage.revision import head_revision
from server.storage.sql_store import SqlStore
from tests.contract.store.rows import changes_of, demand_row
from tests.scenarios import TENANT
from tests.scenarios.postgres_server import PostgresServer
from tests.scenarios.stored_life import live_on

# As docs/CLI.md has it.
_END_LEASES = "UPDATE leases SET epoch = epoch + 1000000, holder = ''"


@pytest.fixture(name="url")
def _url(postgres: PostgresServer) -> str:
    """Return a sound store that nobody has open."""
    url = postgres.new_database()
    live_on(url)
    return url


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


def _execute(postgres: PostgresServer, url: str, *statements: str) -> None:
    with postgres.connection(url.rpartition("/")[2]) as connection:
        for each in statements:
            connection.execute(each)


def test_a_sound_store_is_said_to_be(url: str) -> None:
    """Its server may be running: rows and proofs, of one commit."""
    with closing(open_store(url)):
        said = _run("check", "--store-url", url, "--rounds")
    assert f"sound; revision {head_revision()}, " in said
    assert said.endswith(", 2 proofs\n")


def test_a_row_that_was_tampered_with_is_found(
    url: str, postgres: PostgresServer
) -> None:
    """A line of its own with its table and id, and exit code 3."""
    _execute(postgres, url, "UPDATE matches SET hold_state = 99")
    said = _run("check", "--store-url", url, code=3)
    assert "matches" in said
    assert "hold_state is 99" in said


def test_what_is_no_store_is_not_checked(postgres: PostgresServer) -> None:
    """An empty database, and one of another program; nothing of a password is told."""
    url = postgres.new_database()
    with pytest.raises(UnavailableError, match="it is empty"):
        _run("check", "--store-url", url)
    _execute(postgres, url, "CREATE TABLE theirs (id int)")
    for command in ("check", "migrate"):
        with pytest.raises(UnavailableError, match="another program") as caught:
            _run(command, "--store-url", url.replace("nearturn@", "nearturn:secret@"))
        assert "secret" not in str(caught.value)


def test_an_older_store_is_brought_up_to_date(
    url: str, postgres: PostgresServer
) -> None:
    """Said first, refused with a backup that it cannot make, then done."""
    _take_back(postgres, url)
    with pytest.raises(UnavailableError, match=r"revision 0008.*store migrate"):
        _run("check", "--store-url", url)
    assert "it would be upgraded" in _run("migrate", "--store-url", url, "--dry-run")
    with pytest.raises(InvalidValueError, match=r"--no-backup.*pg_dump --format"):
        _run("migrate", "--store-url", url)
    said = _run("migrate", "--store-url", url, "--no-backup")
    assert f"upgraded: revision {head_revision()}" in said
    assert "nothing to do" in _run("migrate", "--store-url", url)
    assert "sound" in _run("check", "--store-url", url)


def test_a_migration_is_refused_beside_others(
    url: str, postgres: PostgresServer
) -> None:
    """A server that has it open keeps the revision that it knows."""
    _take_back(postgres, url)
    with (
        postgres.connection(url.rpartition("/")[2]),
        pytest.raises(UnavailableError, match="1 other sessions have it open"),
    ):
        _run("migrate", "--store-url", url, "--no-backup")
    assert "it would be upgraded" in _run("migrate", "--store-url", url, "--dry-run")


@pytest.mark.parametrize(
    ("command", "tool"), [("backup", "pg_dump"), ("restore", "pg_restore")]
)
def test_backups_are_the_work_of_its_own_tools(
    url: str, command: str, tool: str, tmp_path: Path
) -> None:
    """Which is said, with their options and without a password."""
    with pytest.raises(InvalidValueError, match=f"{tool} --") as caught:
        _run(command, tmp_path / "file", "--store-url", url)
    assert url not in str(caught.value)


def test_a_store_that_was_dumped_and_restored_is_sound_and_goes_on(
    url: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    """
    By the commands of the documentation, under a server: one commit, with all of it.

    A lease of before writes nothing there once the leases are ended, whatever its
    epoch: not even after as many take-overs as it took to get it.
    """
    with closing(open_store(url)) as store:
        before = store.load(TENANT)
        leases = [_take(store) for _ in range(3)]
        file = tmp_path / "store.dump"
        _tool(postgres, "pg_dump", "--format=custom", f"--file={file}", url)
        late = _take(store)
    restored = postgres.new_database()
    _tool(
        postgres,
        *("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner"),
        *(f"--dbname={restored}", file),
    )
    _execute(postgres, restored, _END_LEASES)
    assert "sound" in _run("check", "--store-url", restored, "--rounds")
    with closing(open_store(restored)) as store:
        assert store.load(TENANT) == before
        again = [_take(store) for _ in range(3)]
        for old in (*leases, late):
            assert old not in again
            with pytest.raises(FencedError):
                store.commit([(TENANT, changes_of(demand_row()))], leases=[old])
        store.commit([(TENANT, changes_of(demand_row()))], leases=again[-1:])
        assert len(store.load(TENANT).demands) == len(before.demands) + 1


def _take(store: SqlStore) -> Lease:
    leases = store.leases()
    taken = leases.take(TENANT, "server", leases.state(TENANT))
    assert taken is not None
    return taken


def _tool(postgres: PostgresServer, name: str, *arguments: object) -> None:
    command = [str(postgres.program(name)), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def _take_back(postgres: PostgresServer, url: str) -> None:
    older = "UPDATE nearturn_revision SET version_num = '0008'"
    _execute(
        postgres,
        url,
        "DROP TABLE relay_cursors, audit_log",
        "ALTER TABLE leases DROP COLUMN address",
        older,
    )
