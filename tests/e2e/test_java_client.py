"""The example in Java works against a real server, by the schema alone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.foreign_client import ROOT, schema_in, told_by

BUILD = ROOT / "examples" / "java" / "build.sh"
TOOLS = ("java", "javac", "protoc", "grpc_java_plugin")
LIBRARY = Path("/usr/share/java/grpc-netty.jar")


def _built(folder: Path) -> tuple[str, ...]:
    """Compile the example, and return the command that runs it."""
    done = subprocess.run(
        [BUILD, schema_in(folder), folder / "built"],
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
    told = told_by(lambda address: [*command, address], tmp_path)
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
