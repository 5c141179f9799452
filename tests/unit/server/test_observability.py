"""What an error leaves in the log, and what it does not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Logs are set up once in a process, so in one of its own.
_PROGRAM = """
import structlog
from server.observability import configure_logs

configure_logs(level="info", style="{style}")


def submit(request):
    token = "secret-" + "token"
    raise KeyError("sku")


try:
    submit(dict(place=48.137 + 0.000154))
except KeyError as error:
    structlog.get_logger("test").error("unforeseen_error", exc_info=error)
"""


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_has_no_values_of_variables(style: str) -> None:
    """It says where it broke; what was in a request or a variable stays out."""
    command = (sys.executable, "-c", _PROGRAM.format(style=style))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "submit" in done.stderr
    assert "KeyError" in done.stderr
    for word in ("secret-token", "48.137154"):
        assert word not in done.stderr, word
    if style == "json":
        (line,) = done.stderr.splitlines()
        assert json.loads(line)["exception"][0]["exc_type"] == "KeyError"
