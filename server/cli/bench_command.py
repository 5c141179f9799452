"""`nearturn bench`: compare with other solvers and indexes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matcher.domain.errors import InvalidValueError

if TYPE_CHECKING:
    from benchmarks.result import Result, Skipped


def bench(
    profile: Annotated[
        str,
        typer.Option(
            help="tiny: seconds, to see that all works; quick: some minutes; full: "
            "100,000 x 100,000 and a million, more than an hour."
        ),
    ] = "quick",
    only: Annotated[
        list[str] | None,
        typer.Option(help="A family, once for each; all if none is named."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write results.json, results.md and pictures there."),
    ] = None,
    demands: Annotated[
        Path | None,
        typer.Option(
            help="Sweep your own open orders, CSV or Parquet; with --returns."
        ),
    ] = None,
    returns: Annotated[
        Path | None, typer.Option(help="Your own return items, CSV or Parquet.")
    ] = None,
    mapping: Annotated[
        list[Path] | None,
        typer.Option(help="A mapping of foreign columns, TOML; once per table."),
    ] = None,
    orders: Annotated[
        Path | None,
        typer.Option(
            help="Order items as in examples/olist, Parquet: real weeks for the "
            "assignment family."
        ),
    ] = None,
    database: Annotated[
        str,
        typer.Option(
            help="The durability family on PostgreSQL: a URL to which 1, 2, 3 and so "
            "on is added, two empty databases for each repetition."
        ),
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 1,
    repetitions: Annotated[
        int, typer.Option(min=1, help="Runs of each way; the median counts.")
    ] = 3,
    threads: Annotated[int, typer.Option(min=1, help="Threads for all ways.")] = 2,
) -> None:
    """
    Run ours and its peers on the same input, and print times and ratios.

    Families: assignment, candidates, end-to-end, growth, online, rounds,
    match-limits, shadows, density, windows, what-if, explanations, durability,
    restart, bulk, service, tenants, health.

    Optima and candidate sets are checked to be equal. Peers that are not installed
    are left out and named; `make bench` installs them all.

    Example: nearturn bench --only assignment --only candidates --out bench-out

    Example, your own tables by SKU: nearturn bench --demands d.csv --returns r.csv
    """
    from rich.console import Console  # noqa: PLC0415 - slow to import, as the rest
    from rich.markdown import Markdown  # noqa: PLC0415

    from benchmarks.report import machine, markdown, write_json  # noqa: PLC0415
    from benchmarks.suite import (  # noqa: PLC0415
        FAMILY_NAMES,
        PROFILES,
        Options,
        families,
    )
    from benchmarks.weeks import read_weeks  # noqa: PLC0415

    if profile not in PROFILES:
        raise InvalidValueError("profile", profile, ", ".join(PROFILES))
    for name in only or ():
        if name not in FAMILY_NAMES:
            raise InvalidValueError("only", name, ", ".join(FAMILY_NAMES))
    if (demands is None) != (returns is None):
        given = "demands" if demands else "returns"
        raise InvalidValueError(given, "alone", "--demands and --returns together")
    if out is not None and not out.resolve().parent.is_dir():
        raise InvalidValueError("out", str(out), "a folder in one that exists")
    weeks = read_weeks(orders) if orders is not None else None
    options = Options(seed, repetitions, threads, weeks, database)
    if demands is not None and returns is not None:
        from server.cli.bench_tables import sweep_tables  # noqa: PLC0415

        runs: dict[str, Iterator[Result | Skipped]] = {
            "density": sweep_tables(demands, returns, mapping or [], threads)
        }
    else:
        every = families(PROFILES[profile], options)
        runs = {name: every[name]() for name in FAMILY_NAMES if name in (only or every)}
    console = Console(stderr=True)
    found: list[Result | Skipped] = []
    about = machine() | {
        "profile": profile,
        "seed": seed,
        "repetitions": repetitions,
        "threads": threads,
    }
    for name, results in runs.items():
        with console.status(name) as status:
            for each in results:
                found.append(each)
                status.update(f"{name}: {getattr(each, 'case', each.way)}")
                if out is not None:
                    # Each as it comes: an hour's work is not lost to an interruption.
                    out.mkdir(exist_ok=True)
                    write_json(out / "results.json", about, found)
    text = markdown(about, found)
    if out is not None:
        (out / "results.md").write_text(text, encoding="utf-8")
        _draw(out, found)
    Console(width=None if console.is_terminal else 180).print(Markdown(text))


def _draw(out: Path, found: list[Result | Skipped]) -> None:
    from benchmarks.plots import draw  # noqa: PLC0415 - slow to import
    from benchmarks.result import Result  # noqa: PLC0415

    try:
        draw(out, [each for each in found if isinstance(each, Result)])
    except ImportError:
        typer.echo("no pictures: matplotlib is not installed", err=True)
