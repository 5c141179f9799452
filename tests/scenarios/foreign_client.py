"""What a program in another language tells of a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matcher.domain.policy_change import Dimension
from nearturn import Client
from server.cli.load_run import put_in_force
from tests.contract.messages import policy
from tests.scenarios.server_process import ServerProcess

ROOT = Path(__file__).resolve().parents[2]

_PATIENCE_S = 120.0


def schema_in(folder: Path) -> Path:
    """Write the schema as such programs read it, and return where it is."""
    schema = folder / "nearturn.binpb"
    script = ROOT / "scripts" / "proto.py"
    subprocess.run([sys.executable, script, "--image", schema], check=True)
    return schema


def told_by(command: Callable[[str], Sequence[str | Path]], folder: Path) -> Any:
    """
    Run a program against a server with a policy in force, and return what it tells.

    Parameters
    ----------
    command
        Gives the command for the server's address; it tells in JSON.
    folder
        Of the server.
    """
    with ServerProcess(folder, "--log-level=warning", "--no-timers") as server:
        with Client(server.address) as client:
            put_in_force(client, policy(), [d for d in Dimension if d], "tests")
        done = subprocess.run(
            command(server.address),
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
