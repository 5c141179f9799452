"""`nearturn load`: put tables into a running server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matcher.domain.errors import InvalidValueError

BATCH_SIZE_MAX = 10_000


def load(
    server: Annotated[
        str, typer.Option(help="HOST:PORT of the server.")
    ] = "127.0.0.1:50551",
    demands: Annotated[
        Path | None, typer.Option(help="Open orders, CSV or Parquet.")
    ] = None,
    returns: Annotated[
        Path | None, typer.Option(help="Return items, CSV or Parquet.")
    ] = None,
    warehouses: Annotated[
        Path | None, typer.Option(help="Warehouses, CSV or Parquet.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="A policy, JSON or TOML: stored and put in force."),
    ] = None,
    acknowledge: Annotated[
        list[str] | None,
        typer.Option(
            help="A dimension that the policy may widen by more than one step, as "
            "nearturn policy diff names it; once for each."
        ),
    ] = None,
    signed_off_by: Annotated[
        str,
        typer.Option(
            help="Who answers for the policy and has read its texts and scripts."
        ),
    ] = "",
    mapping: Annotated[
        list[Path] | None,
        typer.Option(help="A mapping of foreign columns, TOML; once per table."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(help=f"Rows per call, 1 to {BATCH_SIZE_MAX:,}.")
    ] = 1_000,
) -> None:
    """
    Load tables into a server: the policy first, then warehouses, demands, returns.

    Rows that are not acceptable go to FILE.KIND.rejected.csv with line, field and
    reason; the rest is loaded. An interrupted load goes on where it stopped when the
    same command is given again. Exit code 3 if rows were rejected.

    Example: nearturn load --policy examples/policies/pilot.json --signed-off-by me
    --warehouses w.csv --demands d.csv --returns r.csv
    """
    from server.cli.dimension import dimensions_named  # noqa: PLC0415 - slow to import
    from server.cli.load_run import load_tables  # noqa: PLC0415
    from server.files import Kind  # noqa: PLC0415

    if not 1 <= batch_size <= BATCH_SIZE_MAX:
        raise InvalidValueError("batch_size", batch_size, f"1 to {BATCH_SIZE_MAX:,}")
    tables = [
        (path, kind)
        for path, kind in (
            (warehouses, Kind.WAREHOUSE),
            (demands, Kind.DEMAND),
            (returns, Kind.RETURN_ITEM),
        )
        if path is not None
    ]
    if not tables and policy is None:
        raise InvalidValueError("tables", "none", "at least one file to load")
    meant = dimensions_named(acknowledge or [])
    if load_tables(
        server, tables, policy, meant, signed_off_by, mapping or [], batch_size
    ):
        raise typer.Exit(3)
