"""The commands over files, run as a user would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from matcher.domain.errors import CertificateError, InvalidValueError, NearturnError
from matcher.domain.reason import ReasonCode
from server.cli.app import app

POLICY = Path(__file__).resolve().parents[3] / "examples" / "policies" / "demo.json"
AT = "2026-03-02T12:00:00Z"


def run(*arguments: object) -> str:
    """Run a command; errors of ours come out as they are."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, NearturnError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small scenario."""
    folder = tmp_path_factory.mktemp("week")
    sizes = ("--demands", 600, "--returns", 200, "--skus", 10, "--cities", 3)
    run("scenario", "--out", folder, "--seed", 5, "--at", AT, *sizes)
    return folder


def _plan(week: Path, *more: object) -> dict[str, object]:
    tables = ("--demands", week / "demands.csv", "--returns", week / "returns.csv")
    output = run(
        *("plan", *tables, "--warehouses", week / "warehouses.csv"),
        *("--policy", POLICY, "--at", AT, "--json", *more),
    )
    return dict(json.loads(output))


def test_a_scenario_is_the_same_for_a_seed(week: Path, tmp_path: Path) -> None:
    """The same seed and instant give the same bytes."""
    sizes = ("--demands", 600, "--returns", 200, "--skus", 10, "--cities", 3)
    run("scenario", "--out", tmp_path, "--seed", 5, "--at", AT, *sizes)
    for name in ("demands.csv", "returns.csv", "warehouses.csv"):
        assert (tmp_path / name).read_bytes() == (week / name).read_bytes()


def test_a_plan_accounts_for_every_return(week: Path) -> None:
    """Routes sum to the returns, and saving and prices are one number (R2)."""
    summary = _plan(week)
    assert list(summary) == [
        "returns",
        "demands",
        "candidates",
        "matched",
        "warehouse",
        "saving_micros",
        "dual_micros",
        "gap_micros",
        "mean_distance_m",
        "reasons",
        "seconds",
    ]
    assert summary["returns"] == 200
    assert summary["matched"] + summary["warehouse"] == 200  # type: ignore[operator]
    assert summary["matched"]
    assert summary["saving_micros"] == summary["dual_micros"]
    assert summary["gap_micros"] == 0


def test_a_written_plan_verifies(week: Path, tmp_path: Path) -> None:
    """What --out writes is what verify accepts."""
    file = tmp_path / "plan.json"
    summary = _plan(week, "--out", file, "--threads", 2)
    assert f"save {summary['saving_micros']} micros" in run("verify", file)


def test_a_plan_out_of_time_says_what_it_may_miss(week: Path, tmp_path: Path) -> None:
    """With no time to solve the plan is whole, no better, and verifies with its gap."""
    file = tmp_path / "plan.json"
    best, hasty = _plan(week), _plan(week, "--budget", 0, "--out", file)
    gap, saving = hasty["gap_micros"], hasty["saving_micros"]
    assert isinstance(gap, int)
    assert isinstance(saving, int)
    assert gap > 0
    assert saving <= int(str(best["saving_micros"])) <= saving + gap
    assert hasty["matched"] + hasty["warehouse"] == 200  # type: ignore[operator]
    assert f"sum to {gap} more" in run("verify", file)


@pytest.mark.parametrize(
    ("found", "planted"),
    [
        ('"value":', '"value":1'),
        ('"demand_price":[', '"demand_price":[7,'),
        ('"outcome":"MATCHED"', '"outcome":5'),
        ('{"format":"nearturn.plan/1"', '{"format":"other"'),
    ],
)
def test_a_plan_that_was_tampered_with_is_refused(
    found: str, planted: str, week: Path, tmp_path: Path
) -> None:
    """A changed total, price, type or format each breaks the proof."""
    file = tmp_path / "plan.json"
    _plan(week, "--out", file)
    text = file.read_text()
    assert found in text
    file.write_text(text.replace(found, planted, 1))
    with pytest.raises(CertificateError):
        run("verify", file)


def test_a_faulty_row_is_named(week: Path, tmp_path: Path) -> None:
    """The error has file, line, field, value and what is accepted."""
    lines = (week / "demands.csv").read_text().splitlines()
    columns = lines[0].split(",")
    cells = lines[2].split(",")
    cells[columns.index("location.latitude")] = "91"
    broken = tmp_path / "demands.csv"
    broken.write_text("\n".join([lines[0], lines[1], ",".join(cells)]) + "\n")
    arguments = ("--returns", week / "returns.csv", "--policy", POLICY, "--at", AT)
    with pytest.raises(InvalidValueError) as caught:
        run("plan", "--demands", broken, *arguments)
    (violation,) = caught.value.violations
    assert violation.field == "demands.csv line 3: location.latitude"
    assert violation.value == "91.0"
    assert "-90 to 90" in violation.accepted


def test_faulty_rows_may_go_aside(week: Path, tmp_path: Path) -> None:
    """With --skip-bad-rows the rest is planned, and the row is kept beside."""
    lines = (week / "demands.csv").read_text().splitlines()
    mended = tmp_path / "demands.csv"
    mended.write_text("\n".join([*lines[:4], "," * lines[0].count(",")]) + "\n")
    output = run(
        *("plan", "--demands", mended, "--returns", week / "returns.csv"),
        *("--policy", POLICY, "--at", AT, "--json", "--skip-bad-rows"),
    )
    assert json.loads(output)["demands"] == 3
    assert (
        len((tmp_path / "demands.csv.demand.rejected.csv").read_text().splitlines())
        == 2
    )


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("scenario", "--out", "x", "--clustering", "1.5"), "clustering"),
        (("scenario", "--out", "x", "--format", "xls"), "format"),
        (("scenario", "--out", "x", "--country", "Atlantis"), "country"),
        (("scenario", "--out", "x", "--seed", "-1"), "seed"),
        (("scenario", "--out", "x", "--at", "noon"), "at"),
        (
            (
                *("plan", "--demands", "d.csv", "--returns", "r.csv"),
                *("--policy", "p.json", "--out", "nowhere/plan.json"),
            ),
            "out",
        ),
        (("verify", "nowhere.json"), "file"),
        (("load", "--batch-size", "0"), "batch_size"),
        (("load",), "tables"),
        (("serve", "--config", "nowhere.toml"), "config"),
    ],
)
def test_bad_arguments_name_the_field(arguments: tuple[str, ...], field: str) -> None:
    """Each error says which argument, what it got, and what is accepted."""
    with pytest.raises(InvalidValueError) as caught:
        run(*arguments)
    assert caught.value.violations[0].field == field


@pytest.mark.parametrize("text", ["yesterday", "2026-03-02T12:00:00"])
def test_an_instant_needs_an_offset(text: str, week: Path) -> None:
    """A local time is ambiguous and refused."""
    with pytest.raises(InvalidValueError, match="RFC 3339"):
        run(
            *("plan", "--demands", week / "demands.csv", "--at", text),
            *("--returns", week / "returns.csv", "--policy", POLICY),
        )


@pytest.mark.parametrize(
    "command", ["serve", "load", "plan", "verify", "scenario", "demo"]
)
def test_help_teaches(command: str) -> None:
    """Every command explains itself in more than its name."""
    assert len(run(command, "--help")) > 300


_POLICIES = POLICY.parent


def test_a_policy_is_checked(tmp_path: Path) -> None:
    """JSON and TOML alike; every fault of a document comes at once."""
    assert run("policy", "check", POLICY) == "valid: 4 categories\n"
    assert run("policy", "check", _POLICIES / "pilot.toml") == "valid: 1 categories\n"
    faulty = json.loads(POLICY.read_text())
    faulty["rollout_basis_points"] = 10_001
    faulty["categories"].append(faulty["categories"][0])
    path = tmp_path / "faulty.json"
    path.write_text(json.dumps(faulty))
    with pytest.raises(InvalidValueError) as refused:
        run("policy", "check", path)
    assert [each.field for each in refused.value.violations] == [
        "faulty.json.rollout_basis_points",
        "faulty.json.categories[4].category",
    ]


def test_the_pilot_is_the_same_in_both_forms() -> None:
    """examples/policies/pilot.toml says what pilot.json says."""
    pilot = _POLICIES / "pilot.json", _POLICIES / "pilot.toml"
    assert run("policy", "diff", *pilot) == "no difference\n"


def test_two_policies_are_compared() -> None:
    """Line by line, with what is to be thought of and to be acknowledged (R27, R29)."""
    output = run("policy", "diff", _POLICIES / "pilot.json", POLICY)
    assert "wider    rollout_basis_points: 5.00 % -> 100.00 % (+9,500)" in output
    assert "warning: " in output
    assert "to acknowledge: ROLLOUT" in output


def test_a_policy_is_rendered() -> None:
    """In plain language, for an instant (R44)."""
    output = run("policy", "render", POLICY, "--at", AT)
    assert output.startswith("A draft, answered for by ")
    assert "- It was inspected and passed." in output


def test_what_people_are_told_is_listed(tmp_path: Path) -> None:
    """Every reason in a language, shipped and as a policy words it (R54)."""
    german = run("policy", "messages", "--locale", "de-AT")
    assert german.count("\n| `") == len(ReasonCode) - 1
    assert "Niemand wartet auf den gleichen Artikel." in german
    document = json.loads(POLICY.read_text())
    own = "part-refund = Refunds | as ever."
    document["messages"] = [{"locale": "en", "text": own}]
    path = tmp_path / "own.json"
    path.write_text(json.dumps(document))
    assert "Refunds | as ever." in run("policy", "messages", path)
    with pytest.raises(InvalidValueError, match="locale: got 'fr'"):
        run("policy", "messages", "--locale", "fr")
    article = run("policy", "messages", "--variant", "help", "--locale", "de")
    assert article.startswith("# Was mit Ihrer Rücksendung geschieht\n")
    mails = run("policy", "messages", path, "--variant", "email")
    assert mails.count("Refunds | as ever.") == len(ReasonCode) - 1
    with pytest.raises(InvalidValueError, match="training, email, help"):
        run("policy", "messages", "--variant", "poster")


def test_why_a_return_has_no_buyer_is_said(week: Path, tmp_path: Path) -> None:
    """Reasons and the least that would help; an unknown id is refused (R41)."""
    summary = _plan(week)
    assert "why_not" not in summary
    ids = [f"R{number:06}" for number in range(1, 201)]
    narrow = json.loads(POLICY.read_text())
    for each in narrow["categories"]:
        each["radius_m"] = 500
    path = tmp_path / "narrow.json"
    path.write_text(json.dumps(narrow))
    asked = [part for each in ids for part in ("--why-not", each)]
    texts = _plan(week, "--policy", path, *asked)["why_not"]
    assert isinstance(texts, list)
    assert [text.split(":")[0] for text in texts] == ids
    for words in ("It is matched", "as far as the buyers", "All else equal"):
        assert any(words in text for text in texts), words
    with pytest.raises(InvalidValueError, match="why_not: got 'R9'"):
        _plan(week, "--why-not", "R9")
    with pytest.raises(InvalidValueError, match="gap"):
        _plan(week, "--why-not", ids[0], "--budget", 0)
