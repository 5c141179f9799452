"""Reports as messages."""

from __future__ import annotations

from matcher.domain.reason import ReasonCode
from matcher.domain.shadow import ShadowCount
from matcher.report.density import CellDensity, SkuDemand
from matcher.report.facts import RolloutQuery
from matcher.report.funnel import Funnel
from matcher.report.prices import ShadowPrice
from matcher.report.rollout import (
    AVOIDED_METHOD,
    CONTROL_METHOD,
    HELD_METHOD,
    RECOVERED_METHOD,
    SAVING_METHOD,
    Distribution,
    RolloutReport,
    SkuLine,
)
from matcher.report.share import Share
from nearturn.v1 import decision_pb2, item_pb2
from nearturn.v1 import report_service_pb2 as pb
from server.api.convert.times import to_duration, to_timestamp

_SECOND_US = 1_000_000


def from_rollout_report(
    query: RolloutQuery, report: RolloutReport
) -> pb.GetRolloutReportResponse:
    """Return the report of a policy version as a message."""
    total = report.total
    return pb.GetRolloutReportResponse(
        policy_version=query.policy_version,
        start_time=to_timestamp(query.start_us),
        end_time=to_timestamp(query.end_us),
        total=_from_funnel(total),
        categories=[
            pb.FunnelGroup(category=name, funnel=_from_funnel(funnel))
            for name, funnel in report.by_category
        ],
        reasons=[
            pb.FunnelGroup(
                reason=item_pb2.ReturnReason.ValueType(number),
                funnel=_from_funnel(funnel),
            )
            for number, funnel in report.by_reason
        ],
        skus=[_from_sku(line) for line in report.skus],
        distance_m=_from_distribution(report.distance_m),
        wait_seconds=_from_distribution(report.wait_us, _SECOND_US),
        saving_micros=pb.EstimatedFigure(
            value=total.saving_micros,
            sample_size=total.confirmed,
            method=SAVING_METHOD,
        ),
        held_saving_micros=pb.EstimatedFigure(
            value=total.held_saving_micros,
            sample_size=total.held,
            method=HELD_METHOD,
        ),
        recovered_sale_count=pb.EstimatedFigure(
            value=total.recovered, sample_size=total.confirmed, method=RECOVERED_METHOD
        ),
        avoided_distance_m=pb.EstimatedFigure(
            value=total.avoided_m,
            sample_size=total.avoided_count,
            method=AVOIDED_METHOD,
        ),
        in_force_duration=to_duration(report.in_force_us),
        evidence=[
            pb.EvidenceFinding(
                threshold=each.name,
                observed=each.observed,
                asked=each.asked,
                is_met=each.is_met,
            )
            for each in report.evidence
        ],
        is_evidence_met=report.is_evidence_met,
        control_groups=[_from_control(each) for each in report.control],
    )


def from_cell_density(density: CellDensity) -> pb.CellDensity:
    """Return the demand of a cell as a message."""
    return pb.CellDensity(
        cell=f"{density.cell:x}",
        open_unit_count=density.open_unit_count,
        demand_count=density.demand_count,
    )


def from_sku_demand(demand: SkuDemand) -> pb.SkuDemand:
    """Return the demand of a SKU as a message."""
    return pb.SkuDemand(
        sku=demand.sku,
        open_unit_count=demand.open_unit_count,
        order_count=demand.order_count,
        order_day_count=demand.order_day_count,
        steadiness_basis_points=demand.steadiness_basis_points,
    )


def from_shadow_price(price: ShadowPrice) -> pb.ShadowPrice:
    """Return a marginal price as a message."""
    return pb.ShadowPrice(
        price_micros=price.price_micros,
        demand_id=price.demand_id,
        return_id=price.return_id,
        sku=price.sku,
        cell=f"{price.cell:x}" if price.cell else "",
        demand_count=price.demand_count,
        limit=price.limit,
        left_count=price.left_count,
    )


def _from_funnel(funnel: Funnel) -> pb.Funnel:
    return pb.Funnel(
        submitted_count=funnel.submitted,
        verified=_from_share(funnel.verified, funnel.submitted),
        eligible=_from_share(funnel.eligible, funnel.submitted),
        matched=_from_share(funnel.matched, funnel.eligible),
        confirmed=_from_share(funnel.confirmed, funnel.matched),
        completed=_from_share(funnel.completed, funnel.confirmed),
        waiting_count=funnel.waiting,
        warehouse_count=funnel.routed,
        cancelled_count=funnel.cancelled,
        fallback_reasons=[
            decision_pb2.ReasonCount(
                code=decision_pb2.ReasonCode.ValueType(ReasonCode(code)),
                decision_count=count,
            )
            for code, count in sorted(funnel.fallback.items())
        ],
        unexplained_count=funnel.unexplained,
        outcomes=pb.OutcomeCounts(
            known=_from_share(funnel.known, funnel.confirmed),
            complained=_from_share(funnel.complained, funnel.responded),
            not_as_verified=_from_share(funnel.not_as_verified, funnel.graded),
            lost=_from_share(funnel.lost, funnel.arrived + funnel.lost),
            warehouse_lost=_from_share(
                funnel.warehouse_lost,
                funnel.warehouse_arrived + funnel.warehouse_lost,
            ),
        ),
    )


def _from_control(count: ShadowCount) -> pb.ControlGroup:
    asked = count.matched_count + count.unmatched_count
    return pb.ControlGroup(
        category=count.category,
        kept_out=decision_pb2.ReasonCode.ValueType(count.kept_out),
        control_count=count.control_count,
        would_have_matched=_from_share(count.matched_count, asked),
        open_count=count.open_count,
        skipped_count=count.skipped_count,
        saving_micros=pb.EstimatedFigure(
            value=count.saving_micros,
            sample_size=count.matched_count,
            method=CONTROL_METHOD,
        ),
        distance_sum_m=count.distance_sum_m,
    )


def _from_sku(line: SkuLine) -> pb.SkuReport:
    facts = line.facts
    return pb.SkuReport(
        sku=facts.sku,
        submitted_count=facts.submitted_count,
        matched=_from_share(facts.matched_count, facts.submitted_count),
        complained=_from_share(facts.complaint_count, facts.confirmed_count),
        not_as_verified=_from_share(facts.not_as_verified_count, facts.confirmed_count),
        recent_per_day=line.recent_per_day,
        previous_per_day=line.previous_per_day,
        is_rising=line.is_rising,
    )


def _from_share(count: int, total: int) -> pb.Share:
    share = Share(count, total)
    return pb.Share(
        count=count,
        sample_size=total,
        value=share.value,
        low=share.low,
        high=share.high,
    )


def _from_distribution(values: Distribution, unit: int = 1) -> pb.Distribution:
    return pb.Distribution(
        count=values.count,
        mean=values.mean / unit,
        p50=values.p50 // unit,
        p95=values.p95 // unit,
        largest=values.largest // unit,
    )
