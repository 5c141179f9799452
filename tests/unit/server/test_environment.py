"""Variables that look like settings."""

from __future__ import annotations

from typing import Any

import typer

from server.cli.app import app
from server.environment import unknown_variables


def test_what_the_command_line_reads_is_known() -> None:
    """
    Whatever it takes from the environment is nothing to warn of, but for one.

    NEARTURN_TENANT was a setting once: a server that finds it says what it is now.
    """
    command: Any = typer.main.get_command(app)
    read = [param.envvar for param in command.params if param.envvar]
    assert len(read) == 5
    warned = list(unknown_variables([*read, "NEARTURN_TOKEN"]))
    assert warned == [("NEARTURN_TENANT", "NEARTURN_TENANTS")]


def test_what_is_no_setting_is_named_with_the_nearest() -> None:
    """A slip gets its neighbour, something far from all gets none; case counts not."""
    names = [
        "PATH",
        "NEARTURN_STORE_URL",
        "nearturn_listen",
        "NEARTURN_STORE_ULR",
        "NEARTURN_ZZZZZZZZZZZZZZZZZZZZZZ",
    ]
    assert list(unknown_variables(names)) == [
        ("NEARTURN_STORE_ULR", "NEARTURN_STORE_URL"),
        ("NEARTURN_ZZZZZZZZZZZZZZZZZZZZZZ", ""),
    ]
