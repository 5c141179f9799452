"""The program as a whole: one line per error, an exit code, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from server.cli import app


def _main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["nearturn", *arguments])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_faulty_setting_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Field, value and range on standard error, nothing on the other, code 2."""
    assert _main(monkeypatch, "serve", "--solver-threads", "0") == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == [
        (
            "error: solver_threads: got 0; accepted: 1 to 256. "
            "Threads that solve one round or plan."
        )
    ]


def test_a_folder_that_cannot_be_made_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """What the system says, with the path that it says it about, code 2."""
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "week"
    sizes = ("--demands", "1", "--returns", "1")
    assert _main(monkeypatch, "scenario", "--out", str(out), *sizes) == 2
    assert capsys.readouterr().err == f"error: {out}: Not a directory\n"


def test_help_needs_nothing_heavy() -> None:
    """What commands work with is imported when they run: --help answers at once."""
    heavy = ("numba", "numpy", "scipy", "grpc", "google", "pydantic", "sqlalchemy")
    script = (
        "import sys, server.cli, typer.testing\n"
        "from server.cli.app import app\n"
        "assert typer.testing.CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print(sorted(set({heavy}) & sys.modules.keys()))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert found.stdout.strip() == "[]"


def test_an_error_of_the_program_itself_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nobody's input comes with its traceback."""

    def broken() -> None:
        raise OSError("no file is to blame")

    monkeypatch.setattr(app, "app", broken)
    with pytest.raises(OSError, match="no file is to blame"):
        app.main()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "policy.json"),
        ("[]", "policy.json"),
        ('{"ownr": "me"}', "policy.json"),
        ('{"owner": "me"}', "policy.json.currency_code"),
    ],
)
def test_a_faulty_policy_is_named_by_file_and_field(
    text: str,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """The file's name comes once, and the field where there is one."""
    (tmp_path / "policy.json").write_text(text)
    monkeypatch.chdir(tmp_path)
    for name in ("d.csv", "r.csv"):
        Path(name).write_text("a\n")
    code = _main(
        monkeypatch,
        *("plan", "--demands", "d.csv", "--returns", "r.csv"),
        *("--policy", "policy.json"),
    )
    assert code == 2
    assert f"error: {place}: got" in capsys.readouterr().err
