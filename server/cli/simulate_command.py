"""`nearturn simulate`: what policies would have done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matcher.domain.errors import InvalidValueError
from server.cli.instant import instant_us


def simulate(
    policy: Annotated[
        list[Path] | None,
        typer.Option(help="A policy to try, JSON or TOML; once for each."),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="PATH=VALUE,VALUE,... or PATH=FROM..TO..STEP: a field of the first "
            "policy (of the version in force without one); twice to cross two."
        ),
    ] = None,
    server: Annotated[
        str, typer.Option(help="HOST:PORT of the server whose history is lived again.")
    ] = "127.0.0.1:50551",
    since: Annotated[
        str | None,
        typer.Option(help="Live its history from this instant on, RFC 3339."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Up to this instant, RFC 3339; default: now.")
    ] = None,
    demands: Annotated[
        Path | None, typer.Option(help="Live tables instead: open orders.")
    ] = None,
    returns: Annotated[
        Path | None, typer.Option(help="Return items, CSV or Parquet.")
    ] = None,
    warehouses: Annotated[
        Path | None, typer.Option(help="Warehouses, CSV or Parquet.")
    ] = None,
    mapping: Annotated[
        list[Path] | None,
        typer.Option(help="A mapping of foreign columns, TOML; once per table."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="Instant at which the tables begin; default: now."),
    ] = None,
    days: Annotated[
        float,
        typer.Option(help="Spread the tables over so many days; 0: all at once."),
    ] = 0.0,
    by: Annotated[
        str, typer.Option(help="Show groups too: category, sku, zone or day.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(help="Write all reports there, JSON.")
    ] = None,
    differences: Annotated[
        Path | None,
        typer.Option(
            help="Write the returns that end otherwise than in the first report, CSV."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all reports as one object.")
    ] = False,
    threads: Annotated[
        int, typer.Option(help="Variants side by side, for tables.")
    ] = 2,
) -> None:
    """
    Say what policies would have done, before anybody has to try them.

    With --since, on what happened to a server: its orders, returns, inspections and
    pauses, and what callers did with their matches. With --demands and --returns, on
    tables. Nothing live is touched.

    Example: nearturn simulate --since 2026-03-01T00:00:00Z
    --vary 'categories[*].radius_m=5000..50000..5000'
    """
    from server.cli.simulate_report import Writer  # noqa: PLC0415 - slow to import
    from server.cli.simulate_source import (  # noqa: PLC0415
        KINDS,
        events_of_server,
        events_of_tables,
        read_sweeps,
    )

    is_tables = demands is not None or returns is not None
    if is_tables == (since is not None):
        raise InvalidValueError(
            "since", since or "none", "either --since, or --demands and --returns"
        )
    if by and by not in KINDS:
        raise InvalidValueError("by", by, ", ".join(KINDS))
    if days < 0 or not days < 3_660:
        raise InvalidValueError("days", days, "0 to 3,660")
    if not 1 <= threads <= 256:
        raise InvalidValueError("threads", threads, "1 to 256")
    sweeps = read_sweeps(vary or [])
    writer = Writer(by, out, differences)
    if is_tables:
        if demands is None or returns is None or not policy:
            raise InvalidValueError(
                "tables", "some", "--demands, --returns and a --policy"
            )
        events_of_tables(
            (demands, returns, warehouses),
            mapping or [],
            policy,
            sweeps,
            now_us=instant_us("at", at),
            days=days,
            threads=threads,
            handle=writer.take,
        )
    else:
        since_us = instant_us("since", since)
        until_us = None if until is None else instant_us("until", until)
        within = (since_us, until_us)
        events_of_server(server, within, policy or [], sweeps, writer.take)
    writer.finish(as_json=as_json)
