"""Events of a simulation on a terminal and in files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from google.protobuf.json_format import MessageToDict
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from matcher.domain.errors import InvalidValueError
from nearturn.v1 import decision_pb2
from nearturn.v1 import simulation_pb2 as pb
from server.cli.simulate_source import KINDS

_WIDTH_MIN = 110

_HEADER = (
    "variant",
    "return_id",
    "before",
    "after",
    "demand_id_before",
    "demand_id_after",
    "saving_micros_before",
    "saving_micros_after",
    "reasons_before",
    "reasons_after",
)


class Writer:
    """
    Takes events one by one, and tells them at the end.

    Parameters
    ----------
    by
        Groups that are shown too; empty for none.
    out, differences
        Files to write; none for none.

    Raises
    ------
    InvalidValueError
        If a file cannot be made where it is asked for.
    """

    def __init__(self, by: str, out: Path | None, differences: Path | None) -> None:
        for name, path in (("out", out), ("differences", differences)):
            if path is not None and not path.resolve().parent.is_dir():
                raise InvalidValueError(
                    name, str(path), "a file in a folder that exists"
                )
        self._by = by
        self._out = out
        self._differences_file = differences
        self._summary = pb.SimulationSummary()
        self._reports: list[pb.VariantReport] = []
        self._differences: list[pb.VariantDifferences] = []
        self._rounds: list[pb.VariantRounds] = []
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None

    def take(self, event: pb.SimulatePolicyResponse) -> None:
        """Take one event."""
        match event.WhichOneof("event"):
            case "progress":
                self._show(event.progress)
            case "summary":
                self._summary = event.summary
            case "report":
                self._reports.append(event.report)
            case "rounds" if self._out is not None:
                self._rounds.append(event.rounds)
            case "differences" if self._differences_file is not None:
                self._differences.append(event.differences)
            case _:
                pass

    def finish(self, *, as_json: bool) -> None:
        """Write the files, then print."""
        self._progress.stop()
        whole = {
            "summary": _plain(self._summary),
            "reports": [_plain(report) for report in self._reports],
        }
        if self._out is not None:
            rounds = [_plain(some) for some in self._rounds]
            text = json.dumps({**whole, "rounds": rounds}, indent=1)
            self._out.write_text(text + "\n")
        if self._differences_file is not None:
            self._write_differences(self._differences_file)
        if as_json:
            typer.echo(json.dumps(whole))
            return
        console = Console()
        # A table that is cut says less than one that a terminal wraps.
        console.width = max(console.width, _WIDTH_MIN)
        console.print(self._total_table())
        if self._by:
            console.print(self._group_table())
        for line in self._notes():
            typer.echo(line)

    def _show(self, progress: pb.SimulationProgress) -> None:
        total = progress.total_count or None
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task(progress.stage, total=total)
        self._progress.update(
            self._task,
            description=progress.stage,
            total=total,
            completed=progress.done_count,
        )

    def _total_table(self) -> Table:
        table = _table("variant", "more a return")
        for report in self._reports:
            more = report.saving_micros_more_per_return
            gain = ""
            if report.HasField("saving_micros_more_per_return"):
                half = (more.high - more.low) / 2e6
                gain = f"{more.value / 1e6:+.3f} ± {half:.3f}"
            table.add_row(escape(_short(report)), *_cells(report.total), gain)
        return table

    def _group_table(self) -> Table:
        table = _table(self._by)
        kind = KINDS[self._by]
        for report in self._reports:
            table.add_row(f"[bold]{escape(_short(report))}[/bold]")
            for group in report.groups:
                if group.kind == kind:
                    name = group.name or "(others)"
                    table.add_row(f"  {escape(name)}", *_cells(group.tally))
        return table

    def _notes(self) -> list[str]:
        summary = self._summary
        proven = sum(each.certificates.verified_count for each in self._reports)
        counted = (
            f"{summary.return_count:,} returns, {summary.demand_count:,} demands, "
            f"{summary.pair_count:,} pairs; {proven:,} rounds, each proven optimal. "
            "± holds 95 %."
        )
        told = [counted]
        if summary.HasField("replay_start_time") and summary.reproduced_count:
            told.append(
                f"{summary.reproduced_count:,} of {summary.return_count:,} returns end "
                "in force as they did in fact."
            )
        if summary.rounds_by_policy:
            told.append("Rounds begin as each policy says.")
        told += [line for each in self._reports for line in _pauses(each)]
        return told + list(summary.methods)

    def _write_differences(self, path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(_HEADER)
            for some in self._differences:
                for each in some.differences:
                    one, other = each.before, each.after
                    writer.writerow(
                        (
                            some.name,
                            each.return_id,
                            _ending(one),
                            _ending(other),
                            one.demand_id,
                            other.demand_id,
                            one.saving_micros,
                            other.saving_micros,
                            _reasons(one),
                            _reasons(other),
                        )
                    )


def _table(name: str, *more: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(name, overflow="fold")
    for each in ("returns", "matched", "rate", "saving", "km p50", "wait p50", *more):
        table.add_column(each, justify="right", no_wrap=True)
    return table


def _cells(tally: pb.SimulationTally) -> tuple[str, ...]:
    rate = tally.match_rate
    half = (rate.high - rate.low) / 2
    return (
        f"{tally.return_count:,}",
        f"{tally.matched_count:,}",
        f"{100 * rate.value:.1f} ± {100 * half:.1f} %",
        f"{tally.saving_micros / 1e6:,.0f}",
        f"{tally.distance_m.p50 / 1000:.1f}",
        _span(tally.waiting_seconds.p50),
    )


def _pauses(report: pb.VariantReport) -> Iterator[str]:
    for each in report.guardrail_pauses:
        what = f"category {each.category}" if each.category else "the whole program"
        since = each.start_time.ToJsonString()
        yield f"{_short(report)}: {what} paused at {since}: {each.note}."


def _short(report: pb.VariantReport) -> str:
    # Of a swept field its own name, without the way to it.
    values = report.values.items()
    named = (f"{path.rpartition('.')[2]}={value}" for path, value in sorted(values))
    return ", ".join(named) or report.name


def _span(seconds: int) -> str:
    if seconds < 3_600:
        return f"{seconds // 60} min"
    return f"{seconds / 3_600:.1f} h"


def _ending(side: pb.SimulatedDecision) -> str:
    return pb.SimulatedEnding.Name(side.ending).removeprefix("SIMULATED_ENDING_")


def _reasons(side: pb.SimulatedDecision) -> str:
    names = (decision_pb2.ReasonCode.Name(code) for code in side.reasons)
    return " ".join(name.removeprefix("REASON_CODE_") for name in names)


def _plain(message: Any) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True)
