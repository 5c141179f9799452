"""The benchmark suite at its smallest: all ways agree, and reports hold together."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from benchmarks import candidates as lookups
from benchmarks import postgis
from benchmarks.assignment import assignments
from benchmarks.cases import CASES, Case
from benchmarks.graphs import FALLBACKS, Shape, market
from benchmarks.greedy import greedy, saved
from benchmarks.measurement import RefusedError, Way, measure
from benchmarks.report import markdown, write_json
from benchmarks.result import Result, Skipped
from benchmarks.solver_peers import SOLVER_PEERS
from benchmarks.suite import FAMILY_NAMES, PROFILES, Options, families
from benchmarks.weeks import read_weeks
from benchmarks.windows import WINDOWS_H, windows
from matcher.domain.errors import InvalidValueError
from matcher.solve import CandidateGraph, Limits, assign, assign_within
from server.cli.app import app
from tests.oracle.limited_flow import limited_flow

DAY = np.timedelta64(1, "D")

ABOUT = {
    "profile": "tiny",
    "seed": 1,
    "repetitions": 1,
    "threads": 2,
    "cores": 2,
    "processor": "a processor",
    "python": "3.11",
    "packages": {"numpy": "2"},
}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_case_is_its_seed(case: Case) -> None:
    """The same seed gives the same graph, another one another; neither is empty."""
    made = [case.make(np.random.default_rng(seed), 60) for seed in (1, 1, 2)]
    assert all(len(graph.columns) for graph in made)
    for name in ("row_offsets", "columns", "saving", "capacity"):
        first, again = getattr(made[0], name), getattr(made[1], name)
        assert np.array_equal(first, again)
    # Products of numbers are no matter of chance; where fallbacks vary all are.
    is_drawn = "machol-wien, dense" not in case.name or "varying" in case.name
    assert np.array_equal(made[0].saving, made[2].saving) is not is_drawn


def test_a_market_has_the_shape_it_was_asked_for() -> None:
    """Degree, columns and units are as given; by place, neighbours are neighbours."""
    rng = np.random.default_rng(3)
    shape = Shape(12, fallback="very dear", units=3, is_ordered=True)
    graph = market(rng, 400, 200, shape)
    assert set(np.diff(graph.row_offsets).tolist()) == {12}
    assert graph.column_count == 200
    assert set(graph.capacity.tolist()) == {1, 2, 3}
    first = graph.columns[graph.row_offsets[:-1]]
    assert np.median(np.abs(np.diff(first))) < 10


@pytest.mark.parametrize("peer", SOLVER_PEERS, ids=[p.name for p in SOLVER_PEERS])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_solvers_agree(peer: object, case: Case) -> None:
    """Each peer that is installed finds our optimum on each case that it takes."""
    assert hasattr(peer, "prepare")
    graph = case.make(np.random.default_rng(4), 40)
    limits = case.limit(graph) if case.limit else Limits.none(graph)
    known = next(each for each in SOLVER_PEERS if each is peer)
    given = limits if case.limit else None
    if known.is_installed and known.why_not(graph, given) is None:
        value = assign_within(graph, limits).value
        assert value == limited_flow(graph, limits)
        allowed = value * 1e-9 if known.is_float else 0
        assert abs(known.prepare(graph, given)() - value) <= allowed


@pytest.mark.skipif(postgis.why_not() is not None, reason=str(postgis.why_not()))
@pytest.mark.parametrize("keys", [1, 20])
def test_postgis_finds_the_same_pairs(keys: int) -> None:
    """A server of its own, and our pairs exactly, loaded twice."""
    for seed in (1, 2):
        given = lookups.places(np.random.default_rng(seed), 200, keys, 2)
        run = postgis.join(
            (given.return_keys, given.returns),
            (given.demand_keys, given.demands),
            given.radius_m,
            given.chord,
            given.threads,
        )
        ours = lookups.find_ours(given)().tolist()
        assert sorted(run().tolist()) == sorted(ours)


@pytest.mark.parametrize("peer", lookups.PEERS, ids=[p.name for p in lookups.PEERS])
@pytest.mark.parametrize("keys", [1, 40])
def test_look_ups_agree(peer: lookups.Peer, keys: int) -> None:
    """Each peer that is installed finds the very pairs that ours finds."""
    if not peer.is_installed:
        return
    given = lookups.places(np.random.default_rng(5), 400, keys, 1)
    nobody = replace(given, radius_m=1)
    for each in (given, nobody):
        ours = lookups.find_ours(each)()
        theirs = peer.find(each)()
        assert sorted(map(tuple, ours.tolist())) == sorted(map(tuple, theirs.tolist()))


def test_a_peer_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left out with the reason, and the others are compared."""
    missing = replace(SOLVER_PEERS[1], module="no_such_module")
    monkeypatch.setattr(
        "benchmarks.assignment.SOLVER_PEERS", (SOLVER_PEERS[0], missing)
    )
    monkeypatch.setattr("benchmarks.assignment.CASES", CASES[:1])
    found = list(assignments(0.002, 1, 1, 1))
    assert found[0] == Skipped(
        "assignment", missing.name, "no_such_module is not installed"
    )
    assert [each.way for each in found[1:]] == [
        "real weeks",
        "nearturn",
        SOLVER_PEERS[0].name,
    ]


def test_a_peer_that_refuses_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """OR-Tools says when its prices may overflow; the others are still compared."""

    def refuse() -> int:
        raise RefusedError("too large")

    refusing = replace(SOLVER_PEERS[0], name="small", prepare=lambda *_: refuse)
    peers = (refusing, SOLVER_PEERS[0])
    monkeypatch.setattr("benchmarks.assignment.SOLVER_PEERS", peers)
    monkeypatch.setattr("benchmarks.assignment.CASES", CASES[:1])
    found = list(assignments(0.002, 1, 2, 1))
    assert [each.way for each in found] == [
        "real weeks",
        "small",
        "nearturn",
        SOLVER_PEERS[0].name,
    ]
    assert isinstance(found[1], Skipped)
    assert found[1].why.startswith("refuses ")


def test_a_wrong_answer_stops_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of an answer that is not the optimum are never reported."""
    wrong = replace(SOLVER_PEERS[0], prepare=lambda *_: lambda: 7)
    monkeypatch.setattr("benchmarks.assignment.SOLVER_PEERS", (wrong,))
    monkeypatch.setattr("benchmarks.assignment.CASES", CASES[:1])
    with pytest.raises(AssertionError, match="finds 7, not"):
        list(assignments(0.002, 1, 1, 1))


def test_ways_take_turns() -> None:
    """Each is prepared and run in every repetition, and its answers are looked at."""
    order: list[str] = []

    def way(name: str) -> Way[str]:
        return Way(name, lambda: lambda: order.append(name) or name)

    seen: list[tuple[str, str]] = []
    timings = measure([way("a"), way("b")], 2, lambda *each: seen.append(each))
    assert order == ["a", "b", "a", "b"]
    assert seen == [("a", "a"), ("b", "b")] * 2
    assert [len(timings[name].seconds) for name in "ab"] == [2, 2]


def test_greedy_takes_the_best_that_is_left() -> None:
    """Row 0 takes what row 1 needs more; ties go to the lower column."""
    graph = CandidateGraph(
        np.array([0, 2, 3, 5]),
        np.array([1, 0, 1, 3, 2], np.int32),
        np.array([9, 8, 9, 4, 4]),
        np.ones(4, np.int32),
    )
    column = greedy(graph)
    assert column.tolist() == [1, -1, 2]
    assert saved(graph, column) == 13
    assert assign(graph).value == 21


def test_longer_knowledge_never_saves_less_in_hindsight() -> None:
    """Hindsight bounds greedy and every window, which wait as long as they say."""
    found = list(windows(300, 1, 1))
    assert len(found) == 2 + len(WINDOWS_H)
    assert found[0].numbers["cost_gap"] == 0
    for each in found[1:]:
        assert 0 <= each.numbers["cost_gap"] < 1
    waits = [each.numbers["mean_wait_h"] for each in found[1:]]
    assert waits == sorted(waits)
    assert waits[0] == 0


def test_the_report_names_the_fastest_peer(tmp_path: Path) -> None:
    """The summary has the fastest, the table all, and the end what was left out."""
    found = [
        Result("f", "case one", "nearturn", 0.5, None, 3.0, {"saving_micros": 1}),
        Result("f", "case one", "slow", 5.0, 10.0, 1.0),
        Result("f", "case one", "fast", 1.0, 2.0, 2.0),
        Skipped("f", "absent", "absent is not installed"),
    ]
    text = markdown(ABOUT, found)
    assert "| case one | 0.5 | fast | 1 | 2.0 |" in text
    assert "| case one | slow | 5 | 10.0 | 1 |" in text
    assert "- f, absent: absent is not installed" in text
    write_json(tmp_path / "r.json", ABOUT, found)
    document = json.loads((tmp_path / "r.json").read_text())
    assert [each["way"] for each in document["results"]] == ["nearturn", "slow", "fast"]
    assert document["skipped"][0]["way"] == "absent"


def run(*arguments: object) -> str:
    """Run the command; an error of ours comes out as it is."""
    result = CliRunner().invoke(app, ["bench", *map(str, arguments)])
    if isinstance(result.exception, InvalidValueError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_writes_what_it_found(tmp_path: Path) -> None:
    """Tables, JSON and a picture for each sweep are in the folder."""
    out = tmp_path / "out"
    printed = run("--profile", "tiny", "--only", "density", "--out", out)
    assert "greedy_gap" in printed
    names = {path.name for path in out.iterdir()}
    assert {"results.json", "results.md", "density-skus.png"} <= names
    document = json.loads((out / "results.json").read_text())
    assert {each["family"] for each in document["results"]} == {"density"}


def order_table(path: Path) -> Path:
    """Write 60 order items of three weeks, at four places; some never delivered."""
    rng = np.random.default_rng(5)
    at = np.datetime64("2018-01-01", "us") + rng.integers(0, 21, 60) * DAY
    spot = rng.integers(0, 4, 60)
    table = {
        "order_ts": at,
        "delivered_ts": np.where(rng.random(60) < 0.8, at + 5 * DAY, None),
        "category": rng.choice(["toys", "books"], 60),
        "lat": 0.1 * spot - 23.0,
        "lng": np.full(60, -46.0),
    }
    pq.write_table(pa.table(table), path)
    return path


def test_real_weeks_meet_the_orders_of_their_week(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Each item's candidates are the orders of its week and category within 100 km.

    Few places: savings tie. All ways that take the graph agree on its optimum.
    """
    weeks = read_weeks(order_table(tmp_path / "orders.parquet"))
    assert len(weeks.demands) == 60
    assert 30 < len(weeks.returns) < 60
    graph = weeks.graph(np.random.default_rng(1), 100, "uniform")
    for row in range(graph.row_count):
        found = graph.columns[slice(*graph.row_offsets[row : row + 2])]
        same_key = weeks.demand_keys == weeks.return_keys[row]
        assert found.tolist() == np.nonzero(same_key)[0].tolist()
    assert len(np.unique(graph.saving)) <= 4
    monkeypatch.setattr("benchmarks.assignment.CASES", ())
    results = list(assignments(1.0, 1, 1, 2, weeks))
    cases = {each.case for each in results if isinstance(each, Result)}
    assert {case.split(":")[0] for case in cases} == {
        f"real weeks, {fallback}" for fallback in FALLBACKS
    }


def test_weeks_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """No file, another format, a column missing, no place: the error says which."""
    path = tmp_path / "orders.parquet"
    with pytest.raises(InvalidValueError, match="orders"):
        read_weeks(path)
    path.write_text("order_ts\n", encoding="utf-8")
    with pytest.raises(InvalidValueError, match="a Parquet table"):
        read_weeks(path)
    table = pq.read_table(order_table(path))
    pq.write_table(table.drop(["category"]), path)
    with pytest.raises(InvalidValueError, match="no column category"):
        read_weeks(path)
    pq.write_table(table.slice(0, 0), path)
    with pytest.raises(InvalidValueError, match="items with place and category"):
        read_weeks(path)


def test_own_tables_are_swept(tmp_path: Path) -> None:
    """A scenario's tables give a row for each radius, more matches with each."""
    CliRunner().invoke(
        app,
        [
            *("scenario", "--out", str(tmp_path), "--seed", "5"),
            *("--demands", "300", "--returns", "100", "--skus", "5", "--cities", "2"),
        ],
    )
    tables = ("--demands", tmp_path / "demands.csv")
    out = tmp_path / "out"
    run(*tables, "--returns", tmp_path / "returns.csv", "--out", out)
    document = json.loads((out / "results.json").read_text())
    rates = [each["numbers"]["match_rate"] for each in document["results"]]
    assert len(rates) == 5
    assert rates == sorted(rates)
    assert rates[-1] > 0


@pytest.mark.parametrize(
    ("family", "ways"),
    [
        ("rounds", {"nearturn", "looking at every item"}),
        ("what-if", {"one radius", "20 radii"}),
    ],
)
def test_families_that_check_themselves_run(
    tmp_path: Path, family: str, ways: set[str]
) -> None:
    """They compare what they measure, and stop if it is not the same."""
    run("--profile", "tiny", "--only", family, "--out", tmp_path)
    document = json.loads((tmp_path / "results.json").read_text())
    assert {each["way"] for each in document["results"]} == ways


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--profile", "huge"), "profile: got 'huge'; accepted: tiny, quick, full"),
        (("--only", "speed"), "only: got 'speed'; accepted: assignment, candidates"),
        (("--demands", "d.csv"), "demands: got 'alone'"),
        (("--out", "/no/such/folder"), "out: got '/no/such/folder'"),
    ],
)
def test_what_is_not_accepted_is_named(flags: tuple[str, str], named: str) -> None:
    """The error has the flag, what was given and what is accepted."""
    with pytest.raises(InvalidValueError) as caught:
        run(*flags)
    assert named in str(caught.value)


def test_every_family_has_its_name() -> None:
    """Names are what families() offers, under every profile."""
    for profile in PROFILES.values():
        assert tuple(families(profile, Options())) == FAMILY_NAMES


def test_help_names_every_family() -> None:
    """What can be asked for with --only is there to be read."""
    shown = CliRunner().invoke(app, ["bench", "--help"], env={"COLUMNS": "100"})
    assert shown.exit_code == 0
    for name in FAMILY_NAMES:
        assert name in shown.output, name
