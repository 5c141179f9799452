"""Explanations in full as messages; nobody sends them in."""

from __future__ import annotations

from matcher.domain.decision import Decision
from matcher.domain.objective import Objective
from matcher.explain.alternatives import Alternative, ChainLink, Displacement
from matcher.explain.change_words import change_words
from matcher.explain.detail import Detail, detail_summary
from matcher.explain.loss import loss_words
from matcher.explain.smallest_change import SmallestChange
from nearturn.v1 import explain_service_pb2, explanation_pb2


def from_detail(
    decision: Decision, detail: Detail
) -> explain_service_pb2.ExplainDecisionResponse:
    """Return a detail as the part of a response that is its own."""
    answer = explain_service_pb2.ExplainDecisionResponse(
        matching_round_id=detail.round_id,
        alternatives=[
            _from_alternative(each, detail.objective) for each in detail.alternatives
        ],
        smallest_changes=[_from_change(each) for each in detail.changes],
        exhausted_limits=[key.text for key in detail.exhausted],
        gap_micros=detail.gap_micros,
        detail_summary=detail_summary(decision, detail),
    )
    if detail.displacement is not None:
        displacement = _from_displacement(detail.displacement, detail.objective)
        answer.displacement.CopyFrom(displacement)
    if detail.warehouse_loss is not None:
        answer.warehouse_loss_micros = detail.warehouse_loss.micros
        answer.warehouse_lost_match_count = detail.warehouse_loss.match_count
        answer.warehouse_added_distance_m = detail.warehouse_loss.added_m
    return answer


def _from_change(change: SmallestChange) -> explanation_pb2.SmallestChange:
    return explanation_pb2.SmallestChange(
        kind=explanation_pb2.ChangeKind.ValueType(change.kind),
        amount=change.amount,
        demand_id=change.demand_id,
        text=change_words(change),
    )


def _from_alternative(
    alternative: Alternative, objective: Objective
) -> explanation_pb2.Alternative:
    displaced = [each for each in alternative.moves if not each.to_demand_id]
    return explanation_pb2.Alternative(
        demand_id=alternative.demand_id,
        distance_m=alternative.distance_m,
        saving_micros=alternative.saving_micros,
        loss_micros=alternative.loss.micros,
        lost_match_count=alternative.loss.match_count,
        added_distance_m=alternative.loss.added_m,
        loss_text=loss_words(alternative.loss, objective),
        displaced_count=len(displaced),
        moves=[_from_link(each) for each in alternative.moves],
    )


def _from_displacement(
    displacement: Displacement, objective: Objective
) -> explanation_pb2.Displacement:
    return explanation_pb2.Displacement(
        chain=[_from_link(each) for each in displacement.chain],
        loss_micros=displacement.loss.micros,
        lost_match_count=displacement.loss.match_count,
        added_distance_m=displacement.loss.added_m,
        loss_text=loss_words(displacement.loss, objective),
    )


def _from_link(link: ChainLink) -> explanation_pb2.ReturnMove:
    return explanation_pb2.ReturnMove(
        return_id=link.return_id,
        from_demand_id=link.demand_id,
        to_demand_id=link.to_demand_id,
        from_saving_micros=link.saving_micros,
        to_saving_micros=link.to_saving_micros,
    )
