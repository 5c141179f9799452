"""The example in Java works against a real server, by the schema alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from matcher.domain.policy_change import Dimension
from nearturn import Client
from server.cli.load_run import put_in_force
from tests.contract.messages import policy
from tests.scenarios.server_process import ServerProcess

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "examples" / "java" / "build.sh"
TOOLS = ("java", "javac", "protoc", "grpc_java_plugin")
LIBRARY = Path("/usr/share/java/grpc-netty.jar")


def _built(folder: Path) -> tuple[str, ...]:
    """Compile the example, and return the command that runs it."""
    schema = folder / "nearturn.binpb"
    script = ROOT / "scripts" / "proto.py"
    subprocess.run([sys.executable, script, "--image", schema], check=True)
    done = subprocess.run(
        [BUILD, schema, folder / "built"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    java = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    return (*java, "-cp", done.stdout.splitlines()[-1], "Client")


@pytest.mark.e2e
@pytest.mark.skipif(
    not (all(map(shutil.which, TOOLS)) and LIBRARY.is_file()),
    reason="needs a compiler of Java and its gRPC: make client-tools",
)
def test_a_caller_in_java_gets_a_match(tmp_path: Path) -> None:
    """Order, return, repetition, round, confirmation, a stream with a faulty item."""
    command = _built(tmp_path)
    with ServerProcess(tmp_path, "--log-level=warning", "--no-timers") as server:
        with Client(server.address) as client:
            put_in_force(client, policy(), [d for d in Dimension if d], "tests")
        done = subprocess.run(
            [*command, server.address],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["first_outcome"] == "OUTCOME_WAITING"
    assert told["is_repeated"]
    assert told["matched_demand"] == "java-order"
    # The ordinary ways, 5 and 4 euros, less a label of 3 and no way at all.
    assert told["saving_micros"] == 6_000_000
    assert told["hold_state"] == "HOLD_STATE_CONFIRMED"
    assert told["streamed"] == [["java-streamed", "DECISION"], ["java-wrong", "ERROR"]]
    # Out of the details of the error, not of its text.
    assert told["reason"] == "INVALID_VALUE"
    assert told["field"] == "return_item.location.latitude"
    # Waiting, matched, and what was streamed; in the order of their commits.
    assert len(told["decisions"]) == 3
    assert told["decisions"] == sorted(told["decisions"])
