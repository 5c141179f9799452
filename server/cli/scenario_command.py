"""`nearturn scenario`: generate demand, returns and warehouses around real cities."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matcher.domain.errors import InvalidValueError
from server.cli.instant import instant_us


def scenario(
    out: Annotated[Path, typer.Option(help="Folder to write to; made if missing.")],
    seed: Annotated[int, typer.Option(help="Same seed, same scenario.")] = 1,
    country: Annotated[
        str, typer.Option(help="Two-letter code of the country; empty: the world.")
    ] = "US",
    cities: Annotated[
        int, typer.Option(help="How many cities, the most populous first.")
    ] = 25,
    demands: Annotated[int, typer.Option(help="Demands.")] = 20_000,
    density: Annotated[
        float | None, typer.Option(help="Demands per km2, instead of --demands.")
    ] = None,
    returns: Annotated[int, typer.Option(help="Return items.")] = 5_000,
    balance: Annotated[
        float | None, typer.Option(help="Returns per demand, instead of --returns.")
    ] = None,
    skus: Annotated[int, typer.Option(help="SKUs in the catalogue.")] = 300,
    clustering: Annotated[
        float, typer.Option(help="Share of places that many share, 0 to 1.")
    ] = 0.5,
    warehouses: Annotated[int, typer.Option(help="Warehouses.")] = 6,
    file_format: Annotated[
        str, typer.Option("--format", help="csv or parquet.")
    ] = "csv",
    at: Annotated[
        str | None,
        typer.Option(help="Instant of the scenario, RFC 3339; default: now."),
    ] = None,
) -> None:
    """
    Write demands, returns and warehouses that nearturn load and plan read.

    Places follow the population of real cities; SKUs follow Zipf's law; evidence,
    conditions and reasons come from documented distributions. Nothing depends on
    the machine: the same seed and instant give the same files.

    Example: nearturn scenario --out week --demands 20000 --returns 5000 --seed 7
    """
    import numpy as np  # noqa: PLC0415 - slow to import

    from matcher.simulate.params import ScenarioParams  # noqa: PLC0415
    from matcher.simulate.scenario import generate  # noqa: PLC0415
    from server.files import Kind, write_table  # noqa: PLC0415

    if seed < 0:
        raise InvalidValueError("seed", seed, "0 or more")
    if file_format not in ("csv", "parquet"):
        raise InvalidValueError("format", file_format, "csv or parquet")
    params = ScenarioParams(
        country=country,
        city_count=cities,
        demand_count=demands,
        density=density,
        return_count=returns,
        balance=balance,
        sku_count=skus,
        clustering=clustering,
        warehouse_count=warehouses,
    )
    now_us = instant_us("at", at)
    made = generate(params, np.random.default_rng(seed), now_us)
    out.mkdir(parents=True, exist_ok=True)
    for name, kind, values in (
        ("demands", Kind.DEMAND, made.demands),
        ("returns", Kind.RETURN_ITEM, made.return_items),
        ("warehouses", Kind.WAREHOUSE, made.warehouses),
    ):
        path = out / f"{name}.{file_format}"
        typer.echo(f"{write_table(path, kind, values):>9,} rows  {path}")
