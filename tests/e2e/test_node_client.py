"""The example in Node works against a real server, by the schema alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.scenarios.foreign_client import ROOT, schema_in, told_by

EXAMPLE = ROOT / "examples" / "node"
NODE = shutil.which("node")


@pytest.mark.e2e
@pytest.mark.skipif(
    NODE is None or not (EXAMPLE / "node_modules" / ".package-lock.json").is_file(),
    reason="Node is not here, or was not when `make setup` ran",
)
def test_a_caller_in_node_gets_a_match(tmp_path: Path) -> None:
    """Order, return, repetition, round, confirmation, a stream with a faulty item."""
    assert NODE is not None
    program, schema = [NODE, EXAMPLE / "client.mjs"], schema_in(tmp_path)
    told = told_by(lambda address: [*program, address, schema], tmp_path)
    assert told["first_outcome"] == "OUTCOME_WAITING"
    assert told["is_repeated"]
    assert told["matched_demand"] == "node-order"
    # The ordinary ways, 5 and 4 euros, less a label of 3 and no way at all.
    assert told["saving_micros"] == "6000000"
    assert told["hold_state"] == "HOLD_STATE_CONFIRMED"
    assert told["streamed"] == [
        {"return_id": "node-streamed", "result": "decision"},
        {"return_id": "node-wrong", "result": "error"},
    ]
    assert (
        "latitude: got 91.0; accepted: finite degrees from -90 to 90" in told["refusal"]
    )
    # Waiting, matched, and what was streamed; in the order of their commits.
    assert len(told["decisions"]) == 3
    assert told["decisions"] == sorted(told["decisions"])


def test_the_lock_names_no_registry() -> None:
    """Which registry to use is the machine's business; every package has its hash."""
    lock = json.loads((EXAMPLE / "package-lock.json").read_text())
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert len(packages) > 10
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not any("resolved" in each for each in packages.values())
