"""`nearturn export` and `nearturn report` against a real server process."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from matcher.domain.errors import InvalidValueError, UnavailableError
from nearturn import Client
from nearturn.v1 import item_outcome_pb2
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import return_service_pb2 as returns
from server.cli.app import app
from server.cli.server_process import running_server

POLICY = Path(__file__).resolve().parents[2] / "examples" / "policies" / "demo.json"

pytestmark = pytest.mark.e2e

_PERSONAL = {"order_id", "customer_id", "latitude", "longitude", "outcome_note"}


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a server that has matched a small scenario, some of it handed over."""
    folder = tmp_path_factory.mktemp("week")
    sizes = ("--demands=300", "--returns=80", "--skus=10", "--cities=2")
    assert _run("scenario", "--out", folder, "--seed=4", *sizes).exit_code == 0
    with running_server(tmp_path_factory.mktemp("server")) as running:
        loaded = _run(
            *(
                "load",
                "--server",
                running,
                "--policy",
                POLICY,
                "--signed-off-by",
                "lead",
            ),
            *("--acknowledge", "CATEGORY", "--acknowledge", "ROLLOUT"),
            *("--demands", folder / "demands.csv"),
            *("--returns", folder / "returns.csv"),
            *("--warehouses", folder / "warehouses.csv"),
        )
        assert loaded.exit_code == 0, loaded.output
        with Client(running) as client:
            client.matches.RunRound(matches.RunRoundRequest())
            _hand_over(client)
        yield running


def _hand_over(client: Client) -> None:
    request = matches.WatchDecisionsRequest(stop_at_end=True)
    for answer in client.matches.WatchDecisions(request):
        match = answer.decision.match
        if match.match_id:
            client.matches.ConfirmMatch(
                matches.ConfirmMatchRequest(match_id=match.match_id)
            )
            outcome = item_outcome_pb2.ItemOutcome(
                arrival=item_outcome_pb2.ARRIVAL_ARRIVED,
                buyer_response=item_outcome_pb2.BUYER_RESPONSE_SATISFIED,
                note="rang twice",
                occurred_time=answer.decision.decide_time,
            )
            client.matches.RecordOutcome(
                matches.RecordOutcomeRequest(match_id=match.match_id, outcome=outcome)
            )


def _table(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_decision_is_exported_with_its_outcome(address: str, tmp_path: Path):
    """A row per decision, alike in both formats, nothing about a person (R33)."""
    files = [tmp_path / "evidence.csv", tmp_path / "evidence.parquet"]
    for path in files:
        result = _run("export", path, "--server", address)
        assert result.exit_code == 0, result.output
    rows = _table(files[0])
    columns = pq.read_table(files[1])
    with Client(address) as client:
        request = matches.WatchDecisionsRequest(stop_at_end=True)
        decisions = [each.decision for each in client.matches.WatchDecisions(request)]
    ids = [each.decision_id for each in decisions]
    assert [row["decision_id"] for row in rows] == ids
    assert columns.column("decision_id").to_pylist() == ids
    assert columns.column_names == list(rows[0])
    assert not _PERSONAL & set(rows[0])
    matched = [row for row in rows if row["outcome"] == "MATCHED"]
    assert len(matched) > 5
    for row in matched:
        assert (row["state"], row["arrival"]) == ("COMPLETED", "ARRIVED")
        assert row["buyer_response"] == "SATISFIED"
        assert int(row["distance_m"]) >= 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "evidence.csv",
        "evidence.parquet",
    ]


def test_personal_fields_are_hashed_or_kept(address: str, tmp_path: Path):
    """The same key gives the same hashes, another one others; no id is in the clear."""
    keys = [tmp_path / "one.key", tmp_path / "other.key"]
    for number, key in enumerate(keys):
        key.write_text(f"{number}" * 16)
    found = []
    for name, key in (("a", keys[0]), ("b", keys[0]), ("c", keys[1])):
        path = tmp_path / f"{name}.csv"
        result = _run(
            *("export", path, "--server", address, "--personal", "hash"),
            *("--key-file", key),
        )
        assert result.exit_code == 0, result.output
        found.append([row["customer_id"] for row in _table(path)])
    assert found[0] == found[1]
    assert not set(found[0]) & set(found[2])
    kept = tmp_path / "kept.csv"
    assert not _run("export", kept, "--server", address, "--personal", "keep").exit_code
    rows = _table(kept)
    assert set(rows[0]) > _PERSONAL
    assert len({row["customer_id"] for row in rows}) == len(set(found[0]))
    with Client(address) as client:
        asked = returns.GetReturnRequest(return_id=rows[0]["return_id"])
        item = client.returns.GetReturn(asked).return_item
    assert rows[0]["customer_id"] == item.customer_id
    assert float(rows[0]["latitude"]) == item.location.latitude


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("x.txt",), "file"),
        (("x.csv", "--personal", "some"), "personal"),
        (("x.csv", "--personal", "hash"), "key_file"),
    ],
)
def test_a_wrong_export_is_refused(arguments: tuple[str, ...], field: str):
    """Before anything is asked of a server, by field."""
    result = _run("export", *arguments)
    assert isinstance(result.exception, InvalidValueError)
    assert field in str(result.exception)


def test_without_a_server_nothing_is_written(tmp_path: Path):
    """The error names address and file; an older file stays as it was."""
    path = tmp_path / "old.csv"
    path.write_text("as it was")
    for command in (("export", path), ("report",)):
        result = _run(*command, "--server", "127.0.0.1:1")
        assert isinstance(result.exception, UnavailableError)
        assert "127.0.0.1:1: UNAVAILABLE" in str(result.exception)
    assert path.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [path]


def test_the_report_is_printed_as_tables_and_as_json(address: str):
    """The same counts in both; estimates come with their method (R64)."""
    result = _run("report", "--server", address, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    submitted = told["total"]["submittedCount"]
    completed = told["total"]["completed"]["count"]
    assert int(completed) > 5
    assert told["savingMicros"]["method"].startswith("Estimate.")
    text = _run("report", "--server", address).stdout
    for part in (f"submitted │ {submitted}"[:9], "by category", "busiest SKUs"):
        assert part in text
    assert f"{int(completed):,} of {int(completed):,}" in text
    assert "saving_micros: Estimate." in text
