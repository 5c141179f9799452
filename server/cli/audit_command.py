"""`nearturn audit`: who changed policies and keys."""

from __future__ import annotations

from typing import Annotated

import typer


def audit(
    server: Annotated[
        str, typer.Option(help="HOST:PORT of the server.")
    ] = "127.0.0.1:50551",
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line.")
    ] = False,
) -> None:
    """
    Print the audit log of a server, oldest first; it wants the role admin.

    A line for each change: number, time, who, what, to what, from which version to
    which, and why.

    Example: nearturn audit --json > audit.jsonl
    """
    from server.cli.audit_run import audit_lines  # noqa: PLC0415 - slow to import

    for line in audit_lines(server, as_json=json):
        typer.echo(line)
