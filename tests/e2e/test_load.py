"""`nearturn load` into a real server process."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from google.protobuf.message import Message
from pyarrow import parquet
from typer.testing import CliRunner, Result

from matcher.domain.errors import InvalidValueError, UnavailableError
from nearturn import Client
from nearturn.v1 import demand_service_pb2, policy_service_pb2, return_service_pb2
from server.cli.app import app
from server.cli.column_loading import ColumnLoader
from server.cli.inputs import read_all
from server.cli.loading import TableLoader
from server.cli.server_process import running_server
from server.files import (
    Checkpoint,
    Kind,
    NamedRow,
    RejectedWriter,
    open_table,
    read_named,
)

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


def _write_demands(path: Path, rows: list[dict[str, str]]) -> None:
    usual = {
        "demand_id": "",
        "location.latitude": "52.5",
        "location.longitude": "13.4",
        "sku": "shirt",
        "category": "apparel",
        "quantity": "1",
        "ship_by_time": "2999-01-01T00:00:00Z",
        "min_condition": "GOOD",
        "accepts_returned_item": "true",
    }
    lines = [",".join({**usual, **row}.values()) for row in rows]
    path.write_text("\n".join([",".join(usual), *lines]) + "\n")


def _rejected(path: Path) -> list[tuple[int, str]]:
    with path.with_name(f"{path.name}.demand.rejected.csv").open() as file:
        return [(int(row["line"]), row["field"]) for row in csv.DictReader(file)]


def test_every_bad_row_is_told_its_fault_in_the_order_of_the_file(
    address: str, tmp_path: Path
) -> None:
    """
    However many there are in a chunk, and whoever finds them.

    Of 2,403 rows in one chunk 1,200 are out of range and 1,200 come too late, which
    both the server finds, and of one chunk it tells a thousand faults; one, in the
    middle, cannot be read, and is found here. The first and the last are good.
    """
    bad = [{"location.latitude": "91"}, {"ship_by_time": "2001-01-01T00:00:00Z"}]
    rows = [dict(bad[at % 2]) for at in range(2_400)]
    rows.insert(1_200, {"quantity": "lots"})
    rows = [{}, *rows, {}]
    for at, row in enumerate(rows):
        row["demand_id"] = f"bad-{at}"
    demands = tmp_path / "demands.csv"
    _write_demands(demands, rows)
    command = ("load", "--server", address, "--demands", str(demands))
    result = _run(*command, "--batch-size", "10000")
    assert result.exit_code == 3, result.output
    assert "2 loaded, 2,401 rejected" in " ".join(result.output.split())
    fields = {0: "location.latitude", 1: "ship_by_time"}
    told = [(at + 3, fields[at % 2]) for at in range(1_200)]
    told += [(1_203, "quantity")]
    told += [(at + 4, fields[at % 2]) for at in range(1_200, 2_400)]
    assert _rejected(demands) == told
    with Client(address) as client:
        for at in (0, 2_402):
            asked = demand_service_pb2.GetDemandRequest(demand_id=f"bad-{at}")
            client.demands.GetDemand(asked)


def test_a_table_of_bad_rows_only_is_put_aside(address: str, tmp_path: Path) -> None:
    """Nothing is left to send of it, which is no error."""
    demands = tmp_path / "demands.csv"
    _write_demands(demands, [{"demand_id": "none", "quantity": "lots"}] * 3)
    result = _run("load", "--server", address, "--demands", str(demands))
    assert result.exit_code == 3, result.output
    assert _rejected(demands) == [(2, "quantity"), (3, "quantity"), (4, "quantity")]


def test_a_load_that_broke_off_goes_on_behind_what_is_noted(
    address: str, tmp_path: Path
) -> None:
    """
    What is noted is not sent again, and no row is put aside twice.

    The file breaks off, as a disk that fails does, after 4 of the 10 times 100 rows
    that are noted together, each with one bad row, while the next ones are read.
    """
    demands = tmp_path / "demands.csv"
    rows = [{"demand_id": f"broken-{at}"} for at in range(1_000)]
    for row in rows[50::100]:
        row["quantity"] = "lots"
    _write_demands(demands, rows)

    with Client(address) as client:
        table = open_table(demands)
        checkpoint = Checkpoint(demands, Kind.DEMAND, address)
        rejected = RejectedWriter(demands, Kind.DEMAND, table.columns)
        loader = TableLoader(client, Kind.DEMAND, rejected, checkpoint, lambda *_: None)

        def broken() -> Iterator[NamedRow]:
            yield from islice(read_named(table, Kind.DEMAND), 450)
            raise OSError("the disk fails")

        with pytest.raises(OSError, match="the disk fails"):
            ColumnLoader(client, Kind.DEMAND, loader).load(broken(), 100)
    assert Checkpoint(demands, Kind.DEMAND, address).rows_done == 400
    assert [line for line, _ in _rejected(demands)] == [52, 152, 252, 352]

    result = _run("load", "--server", address, "--demands", str(demands))
    assert result.exit_code == 3, result.output
    output = " ".join(result.output.split())
    assert "goes on after row 400" in output
    assert "594 loaded, 6 rejected" in output
    assert [line for line, _ in _rejected(demands)] == list(range(52, 1_002, 100))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_stored_is_what_the_table_says(
    address: str, tmp_path: Path, ending: str
) -> None:
    """Every field that a table can hold, of demands and returns, from both formats."""
    sizes = ("--demands=50", "--returns=50", "--skus=5", "--cities=1")
    made = _run("scenario", "--out", str(tmp_path), "--format", ending, *sizes)
    assert made.exit_code == 0, made.output
    demands, returns = (tmp_path / f"{n}.{ending}" for n in ("demands", "returns"))
    _rename(demands, "demand_id", f"{ending} ")
    _rename(returns, "return_id", f"{ending} ")
    to = ("--server", address, "--demands", str(demands), "--returns", str(returns))
    assert _run("load", *to).exit_code == 0
    with Client(address) as client:
        for sent in read_all(demands, Kind.DEMAND, None, skip_bad_rows=False):
            asked = demand_service_pb2.GetDemandRequest(demand_id=sent.demand_id)
            _check_holds(client.demands.GetDemand(asked).demand, sent)
        for sent in read_all(returns, Kind.RETURN_ITEM, None, skip_bad_rows=False):
            get = return_service_pb2.GetReturnRequest(return_id=sent.return_id)
            _check_holds(client.returns.GetReturn(get).return_item, sent)


def _rename(path: Path, column: str, prefix: str) -> None:
    # Other tests of this file have stored rows under the ids that a scenario has.
    if path.suffix == ".parquet":
        table = parquet.read_table(path)
        ids = [prefix + each for each in table[column].to_pylist()]
        at = table.schema.get_field_index(column)
        parquet.write_table(table.set_column(at, column, [ids]), path)
        return
    lines = path.read_text().splitlines()
    assert lines[0].startswith(f"{column},")
    path.write_text("\n".join(lines[:1] + [prefix + line for line in lines[1:]]))


def _check_holds(stored: Message, sent: Message) -> None:
    # The server adds fields of its own to those that were sent.
    for field, value in sent.ListFields():
        assert getattr(stored, field.name) == value, field.full_name


def _write_progress(address: str, week: Path, *, rows_done: int) -> None:
    # As an interrupted load of this very file would have left it.
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
