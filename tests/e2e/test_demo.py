"""The first thing that anybody runs: `make demo`, at a smaller size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = "from server.cli import main; main()"


@pytest.mark.e2e
def test_the_demo_ends_with_its_result(tmp_path: Path) -> None:
    """A real server, loaded, run, told about; matches and both explanations (R65)."""
    command = [sys.executable, "-c", _PROGRAM, "demo", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [*command, "--demands", "400", "--returns", "100"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "matches" in done.stdout
    written = {each.name for each in (tmp_path / "out").iterdir()}
    assert "matches.png" in written
