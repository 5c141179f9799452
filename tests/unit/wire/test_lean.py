"""The wire process loads what speaks gRPC, and nothing of what decides."""

from __future__ import annotations

import subprocess
import sys

_HEAVY = ("h3", "numba", "numpy", "protovalidate", "pyarrow", "pydantic", "sqlalchemy")


def test_the_wire_process_loads_nothing_of_the_engine():
    """It starts in a fraction of a second, and takes a fraction of the memory."""
    program = (
        "import sys, server.wire.__main__; "
        f"print([name for name in {_HEAVY!r} if name in sys.modules])"
    )
    command = [sys.executable, "-P", "-c", program]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
