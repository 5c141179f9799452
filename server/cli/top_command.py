"""`nearturn top`: what a server does just now."""

from __future__ import annotations

from typing import Annotated

import typer


def top(
    metrics: Annotated[
        str,
        typer.Option(help="http://HOST:PORT, where the server's metrics_listen is."),
    ] = "http://127.0.0.1:9464",
    interval: Annotated[
        float, typer.Option(min=0.2, max=3_600.0, help="Seconds between two looks.")
    ] = 2.0,
    once: Annotated[
        bool,
        typer.Option("--once", help="Print what happened since its start, and end."),
    ] = False,
    tenant: Annotated[
        str | None,
        typer.Option(
            help="One of several tenants to look at closely; or as before the command."
        ),
    ] = None,
) -> None:
    """
    Show what a server does: calls, writes, rounds, decisions, and how full it is.

    Reads the port of its metrics, so the server must have metrics_listen set. Rates are
    of the time since the last look, those of the first look and of --once since the
    server's start. All of it is of the whole server, but for a section of its tenants:
    the busiest of several, or the one that --tenant names.

    Example: nearturn top

    Example: nearturn top --tenant brand-one

    Example: nearturn top --once --metrics http://127.0.0.1:9464
    """
    from server.cli.shown import what_is_shown  # noqa: PLC0415 - slow to import
    from server.cli.top_run import print_once, watch  # noqa: PLC0415

    named = tenant or what_is_shown().tenant
    if once:
        print_once(metrics, named)
    else:
        watch(metrics, interval, named)
