"""`nearturn demo`: the whole thing on generated data, in about a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the picture and the explanations.")
    ] = Path("demo-out"),
    demands: Annotated[int, typer.Option(help="Demands.")] = 20_000,
    returns: Annotated[int, typer.Option(help="Return items.")] = 5_000,
    rounds: Annotated[int, typer.Option(help="Rounds to run, 1 or more.")] = 3,
    seed: Annotated[int, typer.Option(help="Same seed, same scenario.")] = 7,
) -> None:
    """
    Start a real server on a temporary store and run the main job against it.

    Generates demand, returns and warehouses around real cities, loads them over
    gRPC, runs rounds, confirms some matches, and prints what came of it: matches,
    distances, saving, a row per reason, one explanation of a match and one of a
    non-match. Draws a map if matplotlib is installed.
    """
    from server.cli.demo_run import run_demo  # noqa: PLC0415 - slow to import

    run_demo(out, demands, returns, rounds, seed)
