"""The rollout report of a server, as tables or JSON."""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf.json_format import MessageToJson
from rich.console import Console
from rich.table import Table

from matcher.domain.errors import UnavailableError
from nearturn.v1 import decision_pb2, item_pb2
from nearturn.v1 import report_service_pb2 as pb
from server.api.convert.times import to_timestamp
from server.cli.connection import connect

_MICROS = 1_000_000


def print_rollout(
    target: str,
    version: int,
    since_us: int | None,
    until_us: int | None,
    sku_count: int,
    *,
    as_json: bool,
) -> None:
    """
    Ask a server for a report and print it.

    Raises
    ------
    UnavailableError
        If the server cannot be reached or refuses.
    """
    request = pb.GetRolloutReportRequest(policy_version=version, sku_count=sku_count)
    if since_us is not None:
        request.start_time.CopyFrom(to_timestamp(since_us))
    if until_us is not None:
        request.end_time.CopyFrom(to_timestamp(until_us))
    with connect(target) as client:
        try:
            report = client.reports.GetRolloutReport(request)
        except grpc.RpcError as error:
            reason = f"{error.code().name}: {error.details()}"
            raise UnavailableError(f"{target}: {reason}") from error
    console = Console()
    if as_json:
        text = MessageToJson(report, always_print_fields_with_no_presence=True)
        console.out(text, highlight=False)
        return
    for table in tables(report):
        console.print(table)
    for name in ("saving_micros", "recovered_sale_count", "avoided_distance_m"):
        console.print(f"{name}: {getattr(report, name).method}")
    if report.control_groups:
        method = report.control_groups[0].saving_micros.method
        console.print(f"control group: {method}")


def tables(report: pb.GetRolloutReportResponse) -> Iterable[Table]:
    """Yield the tables of a report; those without rows are left out."""
    yield _totals(report)
    named = [(group.category, group.funnel) for group in report.categories]
    yield _funnels("by category", named)
    named = [
        (item_pb2.ReturnReason.Name(g.reason).removeprefix("RETURN_REASON_"), g.funnel)
        for g in report.reasons
    ]
    yield _funnels("by return reason", named)
    if report.total.fallback_reasons:
        table = Table("reason", "returns", title="to a warehouse, by reason")
        for each in report.total.fallback_reasons:
            code = decision_pb2.ReasonCode.Name(each.code)
            name = code.removeprefix("REASON_CODE_")
            table.add_row(name, f"{each.decision_count:,}")
        table.add_row("UNKNOWN", f"{report.total.unexplained_count:,}")
        yield table
    if report.control_groups:
        yield _control(report.control_groups)
    if report.skus:
        yield _skus(report.skus)
    if report.evidence:
        met = "met" if report.is_evidence_met else "not met"
        title = f"evidence for the next step: {met}"
        table = Table("threshold", "seen", "asked", "met", title=title)
        for finding in report.evidence:
            is_met = "yes" if finding.is_met else "no"
            table.add_row(finding.threshold, finding.observed, finding.asked, is_met)
        yield table


def _totals(report: pb.GetRolloutReportResponse) -> Table:
    total, outcomes = report.total, report.total.outcomes
    table = Table(
        title=f"policy version {report.policy_version}, in force for "
        f"{report.in_force_duration.seconds / 86_400:.1f} days",
        show_header=False,
    )
    table.add_row("submitted", f"{total.submitted_count:,}")
    for name, share in (
        ("verified", total.verified),
        ("eligible", total.eligible),
        ("matched, of eligible", total.matched),
        ("confirmed, of matched", total.confirmed),
        ("completed, of confirmed", total.completed),
        ("outcome known, of confirmed", outcomes.known),
        ("complaints, of responses", outcomes.complained),
        ("not as verified, of graded", outcomes.not_as_verified),
        ("lost, of hand-overs", outcomes.lost),
        ("lost, of returns to a warehouse", outcomes.warehouse_lost),
    ):
        table.add_row(name, _share(share))
    table.add_row("waiting", f"{total.waiting_count:,}")
    table.add_row("to a warehouse", f"{total.warehouse_count:,}")
    table.add_row("cancelled", f"{total.cancelled_count:,}")
    far, long = report.distance_m, report.wait_seconds
    table.add_row(
        "distance", f"mean {far.mean:,.0f} m, p50 {far.p50:,} m, p95 {far.p95:,} m"
    )
    table.add_row(
        "wait", f"mean {long.mean:,.0f} s, p50 {long.p50:,} s, p95 {long.p95:,} s"
    )
    saved = report.saving_micros.value / _MICROS
    table.add_row("saving, of confirmed (estimate)", f"{saved:,.2f}")
    held = report.held_saving_micros
    table.add_row(
        "held, not confirmed yet (estimate)",
        f"{_matches(held.sample_size)}: {held.value / _MICROS:,.2f}",
    )
    recovered = report.recovered_sale_count.value
    table.add_row("recovered sales (estimate)", f"{recovered:,}")
    avoided = report.avoided_distance_m.value / 1_000
    table.add_row("avoided distance (estimate)", f"{avoided:,.0f} km")
    return table


def _matches(count: int) -> str:
    return f"{count:,} match{'' if count == 1 else 'es'}"


def _funnels(title: str, named: Iterable[tuple[str, pb.Funnel]]) -> Table:
    table = Table(
        *("", "submitted", "eligible", "matched, of eligible", "complaints"),
        title=title,
    )
    for name, funnel in named:
        table.add_row(
            name,
            f"{funnel.submitted_count:,}",
            f"{funnel.eligible.count:,}",
            _share(funnel.matched),
            _share(funnel.outcomes.complained),
        )
    return table


def _control(groups: Iterable[pb.ControlGroup]) -> Table:
    table = Table(
        *("category", "kept out by", "returns", "would have matched, of asked"),
        *("saving", "distance", "open", "not asked"),
        title="control group (estimates, of all time)",
    )
    for each in groups:
        kept_out = decision_pb2.ReasonCode.Name(each.kept_out)
        table.add_row(
            each.category,
            kept_out.removeprefix("REASON_CODE_"),
            f"{each.control_count:,}",
            _share(each.would_have_matched),
            f"{each.saving_micros.value / _MICROS:,.2f}",
            f"{each.distance_sum_m / 1_000:,.1f} km",
            f"{each.open_count:,}",
            f"{each.skipped_count:,}",
        )
    return table


def _skus(skus: Iterable[pb.SkuReport]) -> Table:
    table = Table(
        *("SKU", "submitted", "matched", "per day, before", "per day, now", ""),
        title="busiest SKUs",
    )
    for each in skus:
        table.add_row(
            each.sku,
            f"{each.submitted_count:,}",
            f"{each.matched.count:,}",
            f"{each.previous_per_day:.2f}",
            f"{each.recent_per_day:.2f}",
            "rising" if each.is_rising else "",
        )
    return table


def _share(share: pb.Share) -> str:
    if not share.sample_size:
        return "- of 0"
    return (
        f"{share.count:,} of {share.sample_size:,}: {100 * share.value:.1f} % "
        f"({100 * share.low:.1f} to {100 * share.high:.1f})"
    )
