"""`nearturn plan`: plan once over files, with the engine of the server."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

from matcher.domain.errors import InvalidValueError
from matcher.domain.objective import Objective
from matcher.domain.policy import Policy
from matcher.policy.words import objective_words
from server.cli.instant import instant_us


def plan(
    demands: Annotated[Path, typer.Option(help="Open orders, CSV or Parquet.")],
    returns: Annotated[Path, typer.Option(help="Return items, CSV or Parquet.")],
    policy: Annotated[Path, typer.Option(help="The policy, JSON.")],
    warehouses: Annotated[
        Path | None,
        typer.Option(help="Warehouses, CSV or Parquet; none: the standard route."),
    ] = None,
    mapping: Annotated[
        list[Path] | None,
        typer.Option(help="A mapping of foreign columns, TOML; once per table."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="Instant to plan for, RFC 3339; default: now."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write routes and proof there, JSON.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one summary object.")
    ] = False,
    threads: Annotated[
        int, typer.Option(help="Threads of the solver; no influence on the plan.")
    ] = 2,
    budget: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds to solve in; then the best so far is taken, with its proven "
            "gap. None: until the optimum is proven.",
        ),
    ] = None,
    skip_bad_rows: Annotated[
        bool,
        typer.Option(help="Put faulty rows into a file beside the input and go on."),
    ] = False,
    why_not: Annotated[
        list[str] | None,
        typer.Option(
            help="A return: say why it has no buyer, and the least that would have got "
            "it one; once for each."
        ),
    ] = None,
) -> None:
    """
    Give every return in a file its route, and prove that no plan is better.

    Better by the policy's objective, within its match limits: most saving, unless it
    says otherwise. With --budget, prove how much better a plan could be at most.

    Columns are named as the fields of the contract, nested ones with dots, such as
    location.latitude; --mapping takes others (docs/MAPPING.md).

    Example: nearturn plan --demands d.csv --returns r.csv --warehouses w.csv
    --policy examples/policies/demo.json --out plan.json
    """
    from rich.console import Console  # noqa: PLC0415 - slow to import, as the rest

    from matcher.engine.plan import plan as run  # noqa: PLC0415
    from server.cli.plan_file import plan_file, write_plan  # noqa: PLC0415
    from server.cli.snapshot import read_snapshot  # noqa: PLC0415
    from server.cli.solve_budget import stop_after  # noqa: PLC0415
    from server.cli.why_not import check_ids  # noqa: PLC0415
    from server.cli.why_not import why_not as explained  # noqa: PLC0415

    now_us = instant_us("at", at)
    if out is not None and not out.resolve().parent.is_dir():
        raise InvalidValueError("out", str(out), "a file in a folder that exists")
    console = Console(stderr=True)
    with console.status("reading", spinner="dots"):
        snapshot, of_brand = read_snapshot(
            demands, returns, warehouses, policy, mapping or [], skip_bad_rows
        )
    check_ids(snapshot, why_not or [])
    started = time.perf_counter()
    with console.status("planning", spinner="dots"), stop_after(budget) as stop:
        made = run(snapshot, of_brand, now_us=now_us, threads=threads, stop=stop)
    record = made.summary
    summary: dict[str, Any] = {
        "returns": record.return_count,
        "demands": len(snapshot.demands),
        "candidates": record.candidate_count,
        "matched": record.matched_count,
        "warehouse": record.warehouse_count,
        "saving_micros": record.saving_micros,
        "dual_micros": record.dual_micros,
        "gap_micros": record.dual_micros - record.saving_micros,
        "mean_distance_m": record.distance_sum_m // max(1, record.matched_count),
        "reasons": {code.name: count for code, count in record.reason_counts},
        "seconds": round(time.perf_counter() - started, 3),
    }
    if made.acting is not None:
        summary["acting_matched"] = made.acting.matched_count
        summary["acting_saving_micros"] = made.acting.saving_micros
    if out is not None:
        write_plan(out, plan_file(made, summary))
    told: list[str] = []
    if why_not:
        if record.dual_micros > record.saving_micros:
            raise InvalidValueError("why_not", "a plan with a gap", "a larger --budget")
        told = list(explained(snapshot, of_brand, made, why_not, now_us))
    if as_json:
        if told:
            summary["why_not"] = told
        typer.echo(json.dumps(summary))
    else:
        Console().print(_table(summary, _claim(of_brand, summary["gap_micros"])))
        for each in told:
            typer.echo(each)


def _claim(policy: Policy, gap: int) -> str:
    if policy.objective is Objective.MAX_SAVING and not policy.match_limits:
        more = f"{gap:,} micros more at most" if gap else "more"
        return f"no plan saves {more}"
    best = objective_words(policy.objective, policy.match_limits)
    return f"{best}; short of it by {gap:,} at most" if gap else best


def _table(summary: dict[str, Any], claim: str) -> Table:
    from rich.table import Table  # noqa: PLC0415 - slow to import

    table = Table(title="plan", show_header=False)
    for name, value in summary.items():
        if name != "reasons":
            table.add_row(name, f"{value:,}")
    table.add_section()
    for name, count in summary["reasons"].items():
        table.add_row(name, f"{count:,}")
    table.add_section()
    table.add_row("certificate", f"verified: {claim}")
    return table
