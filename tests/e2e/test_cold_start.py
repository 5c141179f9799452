"""Nobody's first call pays for what could have been done before it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]


def test_the_first_calls_load_and_compile_nothing() -> None:
    """
    From policy to explanation, in a process of its own that has only warmed up.

    Times would say little on a busy machine; what was not there before says all: a
    module that is imported late, or a kernel that is compiled for other types.
    """
    command = (sys.executable, "-m", "tests.scenarios.first_calls")
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    assert json.loads(done.stdout) == {"modules": [], "kernels": []}
