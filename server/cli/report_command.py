"""`nearturn report`: what came of a policy version."""

from __future__ import annotations

from typing import Annotated

import typer


def report(
    version: Annotated[
        int, typer.Option(help="Policy version; 0 is the one in force.", min=0)
    ] = 0,
    server: Annotated[
        str, typer.Option(help="HOST:PORT of the server.")
    ] = "127.0.0.1:50551",
    since: Annotated[
        str | None, typer.Option(help="Submitted from then on, RFC 3339.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Submitted before then, RFC 3339; default: now.")
    ] = None,
    skus: Annotated[
        int, typer.Option(help="SKUs to list, busiest first.", min=1, max=1_000)
    ] = 20,
    as_json: Annotated[
        bool, typer.Option("--json", help="The response as JSON, not tables.")
    ] = False,
) -> None:
    """
    Print how far returns came under a policy version, and on what evidence.

    Example: nearturn report --version 3
    """
    from server.cli.instant import instant_us  # noqa: PLC0415 - slow to import
    from server.cli.report_run import print_rollout  # noqa: PLC0415

    print_rollout(
        server,
        version,
        instant_us("since", since) if since is not None else None,
        instant_us("until", until) if until is not None else None,
        skus,
        as_json=as_json,
    )
