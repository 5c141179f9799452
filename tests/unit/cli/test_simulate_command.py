"""`nearturn simulate` over tables, run as a user would."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.errors import InvalidValueError
from tests.unit.cli.test_commands import AT, POLICY, run

RADIUS = "categories[*].radius_m"


@pytest.fixture(name="tables", scope="module")
def _tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    folder = tmp_path_factory.mktemp("week")
    sizes = ("--demands", 600, "--returns", 200, "--skus", 10, "--cities", 3)
    run("scenario", "--out", folder, "--seed", 5, "--at", AT, *sizes)
    return (
        *("--demands", folder / "demands.csv", "--returns", folder / "returns.csv"),
        *("--warehouses", folder / "warehouses.csv", "--policy", POLICY, "--at", AT),
    )


def test_tables_at_once_are_a_plan(tables: tuple[object, ...]) -> None:
    """The same tables and policy: as many matches, the same saving."""
    planned = json.loads(run("plan", *tables, "--json"))
    whole = json.loads(run("simulate", *tables, "--json"))
    (report,) = whole["reports"]
    assert int(report["total"]["matched_count"]) == planned["matched"]
    assert int(report["total"]["saving_micros"]) == planned["saving_micros"]
    assert int(report["certificates"]["dual_micros"]) == planned["dual_micros"]


def test_files_say_what_differs(tables: tuple[object, ...], tmp_path: Path) -> None:
    """A row for each return that ends otherwise, as many as the report counts."""
    out, differences = tmp_path / "out.json", tmp_path / "differences.csv"
    table = run(
        *("simulate", *tables, "--vary", f"{RADIUS}=1000..3000..2000", "--days", 2),
        *("--by", "category", "--out", out, "--differences", differences),
    )
    assert "radius_m=3000" in table
    assert "apparel" in table
    whole = json.loads(out.read_text())
    demo, narrow, wider = whole["reports"]
    _check_rounds(whole)
    matched = [int(r["total"].get("matched_count", 0)) for r in (narrow, wider, demo)]
    assert matched == sorted(matched)
    with differences.open(newline="") as file:
        rows = list(csv.DictReader(file))
    of_narrow = [row for row in rows if row["variant"] == narrow["name"]]
    moved = sum(int(move["return_count"]) for move in narrow["moves"])
    assert len(of_narrow) == moved + int(narrow.get("other_buyer_count", 0))
    assert {row["before"] for row in of_narrow} <= {"CONFIRMED", "WAREHOUSE"}


def _check_rounds(whole: Any) -> None:
    # The certificates of a report's rounds sum up to what it says of them.
    names = {report["name"]: report["certificates"] for report in whole["reports"]}
    for name, sums in names.items():
        rounds = [
            one
            for some in whole["rounds"]
            if some["name"] == name
            for one in some["rounds"]
        ]
        assert len(rounds) == int(sums["verified_count"]) > 0
        assert all(one["primal_value"] == one["dual_value"] for one in rounds)
        savings = [int(one["saving_micros"]) for one in rounds]
        assert sum(savings) == int(sums["saving_micros"])
        starts = [one["start_time"] for one in rounds]
        assert starts == sorted(starts)


def test_words_need_no_quotes(tables: tuple[object, ...]) -> None:
    """Enum names and durations are taken as they are, numbers as numbers."""
    whole = json.loads(
        run(
            *("simulate", *tables, "--json"),
            *("--vary", f"{RADIUS[:-8]}match_key=MATCH_KEY_SKU,MATCH_KEY_CATEGORY"),
            *("--vary", "hold_duration=600s"),
        )
    )
    assert len(whole["reports"]) == 3


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        (("--vary", "radius"), "vary"),
        (("--vary", "a=5..1..1"), "vary"),
        (("--vary", "a=1..2..0"), "vary"),
        (("--vary", "a=1..1000..1"), "vary"),
        (("--vary", "a=1", "--vary", "b=1", "--vary", "c=1"), "vary"),
        (("--by", "hour"), "by"),
        (("--days", "-1"), "days"),
        (("--days", "nan"), "days"),
        (("--threads", "0"), "threads"),
        (("--out", "/no/such/folder/o.json"), "out"),
        (("--since", AT), "since"),
    ],
)
def test_faults_name_the_flag(
    tables: tuple[object, ...], flags: tuple[str, ...], field: str
) -> None:
    """What is not accepted is refused before anything is read."""
    with pytest.raises(InvalidValueError) as caught:
        run("simulate", *tables, *flags)
    assert caught.value.violations[0].field == field


def test_a_source_is_needed() -> None:
    """Neither a history nor tables: the error says what to give."""
    with pytest.raises(InvalidValueError, match="either --since"):
        run("simulate")
