"""`nearturn load` into a real server process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from matcher.domain.errors import InvalidValueError, UnavailableError
from nearturn import Client
from nearturn.v1 import demand_service_pb2, policy_service_pb2, return_service_pb2
from server.cli.app import app
from server.cli.server_process import running_server

POLICY = Path(__file__).resolve().parents[2] / "examples" / "policies" / "demo.json"

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a server for the tests of this file."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def week(tmp_path: Path) -> Path:
    """Return a folder with a small scenario of now."""
    sizes = ("--demands=300", "--returns=80", "--skus=10", "--cities=2")
    result = _run("scenario", "--out", str(tmp_path), "--seed=4", *sizes)
    assert result.exit_code == 0, result.output
    return tmp_path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def _load(address: str, week: Path, *more: str) -> Result:
    return _run(
        *("load", "--server", address, "--policy", str(POLICY)),
        *("--acknowledge", "CATEGORY", "--acknowledge", "rollout"),
        *("--signed-off-by", "lead"),
        *("--demands", str(week / "demands.csv")),
        *("--returns", str(week / "returns.csv")),
        *("--warehouses", str(week / "warehouses.csv"), *more),
    )


def _demand_count(address: str) -> int:
    with Client(address) as client:
        count, token = 0, ""
        while True:
            page = client.demands.ListDemands(
                demand_service_pb2.ListDemandsRequest(page_size=1000, page_token=token)
            )
            count, token = count + len(page.demands), page.next_page_token
            if not token:
                return count


def test_bad_rows_go_aside_and_the_rest_is_loaded(address: str, week: Path) -> None:
    """Three kinds of bad row, each with line, field and reason; exit code 3."""
    file = week / "demands.csv"
    lines = file.read_text().splitlines()
    columns = lines[0].split(",")
    for number, name, value in (
        (1, "location.latitude", "91"),
        (2, "quantity", "lots"),
        (3, "ship_by_time", "2001-01-01T00:00:00Z"),
    ):
        cells = lines[number].split(",")
        cells[columns.index(name)] = value
        lines[number] = ",".join(cells)
    file.write_text("\n".join(lines) + "\n")
    result = _load(address, week, "--batch-size", "50")
    assert result.exit_code == 3, result.output
    rejected = (week / "demands.csv.demand.rejected.csv").read_text().splitlines()
    found = sorted(tuple(row.split(",")[:2]) for row in rejected[1:])
    assert found == [
        ("2", "location.latitude"),
        ("3", "quantity"),
        ("4", "ship_by_time"),
    ]
    assert not (week / "demands.csv.demand.progress.json").exists()
    assert _demand_count(address) == 297
    with Client(address) as client:
        policy = client.policies.GetPolicy(policy_service_pb2.GetPolicyRequest())
        assert policy.policy.version == 1
        page = client.returns.ListReturns(
            return_service_pb2.ListReturnsRequest(page_size=1000)
        )
        assert len(page.return_items) == 80


def test_loading_again_changes_nothing(address: str, week: Path) -> None:
    """Ids make every row idempotent: the same rows are loaded twice, stored once."""
    command = ("load", "--server", address, "--demands", str(week / "demands.csv"))
    assert _run(*command).exit_code == 0
    before = _demand_count(address)
    assert _run(*command).exit_code == 0
    assert _demand_count(address) == before


def test_an_interrupted_load_goes_on_where_it_stopped(week: Path) -> None:
    """Without a server the load stops; what its progress says is not sent again."""
    result = _load("127.0.0.1:1", week)
    assert isinstance(result.exception, UnavailableError)
    assert "go on" in str(result.exception)


def test_progress_is_kept_by_batch(address: str, week: Path) -> None:
    """A progress file of row 250 leaves 50 of the 300 rows to be sent."""
    demands = str(week / "demands.csv")
    command = ("load", "--server", address, "--demands", demands, "--batch-size", "50")
    assert _run(*command).exit_code == 0
    _write_progress(address, week, rows_done=250)
    result = _run(*command)
    assert result.exit_code == 0, result.output
    assert "50 loaded" in result.output


def _write_progress(address: str, week: Path, *, rows_done: int) -> None:
    # As an interrupted load of this very file would have left it.
    from server.files import Checkpoint, Kind  # noqa: PLC0415 - only here

    checkpoint = Checkpoint(week / "demands.csv", Kind.DEMAND, address)
    checkpoint.save(rows_done, 0)
    state = json.loads((week / "demands.csv.demand.progress.json").read_text())
    assert state["rows_done"] == rows_done


def test_a_changed_file_does_not_go_on(address: str, week: Path) -> None:
    """Rows after a change may be others, so the load asks to begin anew."""
    _write_progress(address, week, rows_done=100)
    file = week / "demands.csv"
    file.write_text(file.read_text() + "\n")
    result = _run("load", "--server", address, "--demands", str(file))
    assert isinstance(result.exception, InvalidValueError)
    assert "fingerprint" in str(result.exception)
