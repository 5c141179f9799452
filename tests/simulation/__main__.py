"""`make simulate`: as many lives of a cluster as one has time for."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from enum import StrEnum
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.progress import Progress

from tests.scenarios.postgres_server import PostgresServer, passing_database
from tests.simulation.cluster.life import live

_console = Console()


class Kind(StrEnum):
    """The databases that lives can be lived on."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


def main(
    seeds: Annotated[int, typer.Option(min=1, help="Lives to live.")] = 100,
    first: Annotated[int, typer.Option(min=0, help="Seed of the first one.")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="Moves in each.")] = 2_000,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes; as many as there are cores.")
    ] = os.cpu_count() or 1,
    database: Annotated[
        Kind, typer.Option(help="A file for each life, or a database of a server.")
    ] = Kind.SQLITE,
) -> None:
    """
    Live lives of a cluster from seeds, and check all invariants after every step.

    The same seed and steps are the same life on every machine and database. Each that
    fails is named with the command that repeats it.
    """
    met: Counter[str] = Counter()
    failed: list[int] = []
    with ExitStack() as undo:
        url = ""
        if database is Kind.POSTGRES:
            url = undo.enter_context(PostgresServer()).url("postgres")
        pool = undo.enter_context(ProcessPoolExecutor(workers, initializer=_quiet))
        lives = {
            pool.submit(_live, seed, steps, url): seed
            for seed in range(first, first + seeds)
        }
        for seed, found in _ended(lives):
            if found.exception() is None:
                met.update(found.result())
                continue
            failed.append(seed)
            _tell(seed, steps, database, found)
    for name, count in sorted(met.items()):
        _console.print(f"{count:>12,}  {name}", highlight=False)
    _console.print(
        f"{seeds:,} lives of {steps:,} steps: {len(failed):,} failed", style="bold"
    )
    sys.exit(bool(failed))


def _live(seed: int, steps: int, server_url: str) -> Counter[str]:
    if not server_url:
        return live(seed, steps)
    # Gone in the end: a thousand of them would fill the disk.
    with passing_database(server_url, f"life_{seed}") as url:
        return live(seed, steps, store_url=url)


def _ended(
    lives: dict[Future[Counter[str]], int],
) -> Iterator[tuple[int, Future[Counter[str]]]]:
    with Progress(console=_console, disable=not _console.is_terminal) as progress:
        found = progress.track(as_completed(lives), total=len(lives))
        for count, ended in enumerate(found, 1):
            yield lives[ended], ended
            if not _console.is_terminal and count % max(1, len(lives) // 20) == 0:
                # In order of their ends, which tells nothing of the seeds.
                _console.print(f"{count:,} of {len(lives):,} lives")


def _tell(seed: int, steps: int, database: Kind, found: Future[Counter[str]]) -> None:
    error = found.exception()
    _console.print("".join(traceback.format_exception(error)), markup=False)
    _console.print(
        f"again: make simulate FIRST={seed} SEEDS=1 STEPS={steps} DATABASE={database}"
    )


def _quiet() -> None:
    errors = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=errors)


if __name__ == "__main__":
    typer.run(main)
