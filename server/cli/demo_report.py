"""What the demo prints: a table, and two explanations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from nearturn import Client
from nearturn.v1 import decision_pb2, explain_service_pb2
from server.cli.demo_result import DemoResult

_MICROS = 1_000_000


def print_report(console: Console, result: DemoResult) -> None:
    """Print matches, distances, saving, reasons and throughput."""
    decisions = list(result.decisions.values())
    matched = [d for d in decisions if d.outcome == decision_pb2.OUTCOME_MATCHED]
    table = Table(title="result", show_header=False)
    for name, value in _figures(result, decisions, matched):
        table.add_row(name, value)
    table.add_section()
    for name, count in _reason_counts(decisions):
        table.add_row(name, f"{count:,}")
    console.print(table)


def print_explanations(
    console: Console, client: Client, result: DemoResult, out: Path
) -> None:
    """Print one explanation of a match and one of a non-match, in full."""
    for title, outcome in (
        ("why this return goes to a buyer", decision_pb2.OUTCOME_MATCHED),
        ("why this return does not", decision_pb2.OUTCOME_WAREHOUSE),
    ):
        chosen = next(
            (d for d in result.decisions.values() if d.outcome == outcome), None
        )
        if chosen is None:
            continue
        answer = client.explain.ExplainDecision(
            explain_service_pb2.ExplainDecisionRequest(decision_id=chosen.decision_id)
        )
        text = _explanation(answer)
        console.print(Panel(text, title=f"{title}: {chosen.return_id}", expand=False))
        name = decision_pb2.Outcome.Name(outcome).removeprefix("OUTCOME_").lower()
        (out / f"explanation-{name}.txt").write_text(text + "\n", encoding="utf-8")


def _figures(
    result: DemoResult,
    decisions: list[decision_pb2.Decision],
    matched: list[decision_pb2.Decision],
) -> Iterable[tuple[str, str]]:
    distances = np.array([d.match.distance_m for d in matched] or [0])
    saving = sum(d.match.saving_micros for d in matched)
    label = sum(d.match.match_cost_micros for d in matched)
    without = sum(d.match.fallback_cost_micros for d in matched)
    verified = all(each.certificate.verified for each in result.rounds)
    yield "returns", f"{len(decisions):,}"
    yield "matched with a buyer", f"{len(matched):,}"
    for name, outcome in (
        ("waiting for a later round", decision_pb2.OUTCOME_WAITING),
        ("sent to a warehouse", decision_pb2.OUTCOME_WAREHOUSE),
    ):
        yield name, f"{sum(d.outcome == outcome for d in decisions):,}"
    yield (
        "confirmed, released",
        f"{result.confirmed_count:,}, {result.released_count:,}",
    )
    yield "median distance", f"{np.median(distances) / 1000:.1f} km"
    yield "longest distance", f"{distances.max() / 1000:.1f} km"
    yield "matched ones, warehouse only", f"{without / _MICROS:,.2f} USD"
    yield "matched ones, with labels", f"{label / _MICROS:,.2f} USD"
    yield "saving (estimate)", f"{saving / _MICROS:,.2f} USD"
    yield "loading", f"{result.loaded_count / result.load_s:,.0f} rows/s over gRPC"
    yield "rounds", f"{len(result.rounds)} in {result.round_s:.2f} s"
    yield "certificates", "all verified" if verified else "REFUSED"


def _reason_counts(
    decisions: list[decision_pb2.Decision],
) -> list[tuple[str, int]]:
    counts = Counter(
        code for d in decisions for code in {reason.code for reason in d.reasons}
    )
    prefix = "REASON_CODE_"
    return [
        (decision_pb2.ReasonCode.Name(code).removeprefix(prefix), count)
        for code, count in sorted(counts.items())
    ]


def _explanation(answer: explain_service_pb2.ExplainDecisionResponse) -> str:
    lines = [
        f"to the customer: {answer.customer_text}",
        "",
        f"support says: {answer.support.short_script}",
        "",
        f"to whoever operates it: {answer.summary}",
        "",
    ]
    for gate in answer.gates:
        name = decision_pb2.Gate.Name(gate.gate).removeprefix("GATE_").lower()
        lines.append(f"{name}: {'passed' if gate.passed else 'not passed'}")
        for check in gate.checks:
            result = decision_pb2.CheckResult.Name(check.result)
            mark = result.removeprefix("CHECK_RESULT_").lower()
            lines.append(
                f"  {mark:<8} {check.name}: {check.observed or '-'}"
                f" (accepted: {check.accepted})"
            )
    return "\n".join(lines)
