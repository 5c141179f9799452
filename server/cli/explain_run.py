"""Explanations of a server, as lines for people or as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.json_format import MessageToJson

from nearturn.v1 import decision_pb2, explanation_pb2
from nearturn.v1 import explain_service_pb2 as pb
from server.cli.server_call import calling


def explained(
    server: str, return_id: str, decision_id: str, locale: str, *, full: bool
) -> pb.ExplainDecisionResponse:
    """
    Ask a server.

    Raises
    ------
    InvalidValueError
        If it refuses what was asked.
    UnavailableError
        If it cannot be reached or cannot answer.
    """
    view = (
        explanation_pb2.EXPLANATION_VIEW_FULL
        if full
        else explanation_pb2.EXPLANATION_VIEW_BASIC
    )
    request = pb.ExplainDecisionRequest(locale=locale, view=view)
    if return_id:
        request.return_id = return_id
    else:
        request.decision_id = decision_id
    with calling(server) as client:
        answer: pb.ExplainDecisionResponse = client.explain.ExplainDecision(request)
        return answer


def told(answer: pb.ExplainDecisionResponse, *, as_json: bool) -> Iterator[str]:
    """Yield an explanation line by line."""
    if as_json:
        yield MessageToJson(answer, preserving_proto_field_name=True, indent=None)
        return
    decision = answer.decision
    outcome = decision_pb2.Outcome.Name(decision.outcome).removeprefix("OUTCOME_")
    yield f"return {decision.return_id}, decision {decision.decision_id}: {outcome}"
    yield f"  {answer.summary}"
    if answer.detail_summary:
        yield f"  {answer.detail_summary}"
    for gate in answer.gates:
        yield from _gate(gate)
    yield from _detail(answer)
    yield f"to the customer ({answer.locale}): {answer.customer_text}"
    yield f"support says: {answer.support.long_script}"


def _gate(gate: pb.GateReport) -> Iterator[str]:
    name = decision_pb2.Gate.Name(gate.gate).removeprefix("GATE_").lower()
    yield f"{name}: {'passed' if gate.passed else 'not passed'}"
    for check in gate.checks:
        result = decision_pb2.CheckResult.Name(check.result)
        yield (
            f"  {result.removeprefix('CHECK_RESULT_').lower():<8} {check.name}: "
            f"{check.observed or '-'} (accepted: {check.accepted})"
        )


def _detail(answer: pb.ExplainDecisionResponse) -> Iterator[str]:
    if answer.alternatives:
        yield "alternatives, the best first:"
    for each in answer.alternatives:
        yield (
            f"  order {each.demand_id}, {each.distance_m:,} m: saves "
            f"{each.saving_micros:,} micros, the round {each.loss_text}"
        )
        yield from (f"    {_move(move)}" for move in each.moves)
    if answer.smallest_changes:
        yield "any of these would have been enough, and nothing less:"
    yield from (f"  {each.text}" for each in answer.smallest_changes)
    if answer.HasField("displacement"):
        yield f"the cheapest way to a buyer, the round {answer.displacement.loss_text}:"
        yield from (f"  {_move(move)}" for move in answer.displacement.chain)
    if answer.exhausted_limits:
        yield f"nothing was left of {', '.join(answer.exhausted_limits)}"


def _move(move: explanation_pb2.ReturnMove) -> str:
    def place(demand_id: str, saving_micros: int) -> str:
        if not demand_id:
            return "no buyer"
        return f"order {demand_id} ({saving_micros:,} micros)"

    return (
        f"return {move.return_id}: "
        f"{place(move.from_demand_id, move.from_saving_micros)} -> "
        f"{place(move.to_demand_id, move.to_saving_micros)}"
    )
