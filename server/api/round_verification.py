"""Is a recorded round what it says it is? Its proof, and the round lived again."""

from __future__ import annotations

from matcher.domain.errors import CertificateError, InvalidProblemError
from matcher.domain.ids import RoundId, TenantId
from matcher.engine.recorded_proof import check_recorded
from matcher.engine.records import RoundRecord
from matcher.solve import Stop
from nearturn.v1 import match_limit_pb2
from nearturn.v1 import match_service_pb2 as pb
from server.api.convert.decision import from_round
from server.runtime.past import Past

#: Decisions that are named because they differ.
DIFFERING_MAX = 100


def verified_round(record: RoundRecord) -> pb.VerifyRoundResponse:
    """
    Check the proof of a round with nothing of the solver.

    Parameters
    ----------
    record
        The round as it is stored.

    Returns
    -------
    VerifyRoundResponse
        What was found; a fault is told, not raised.
    """
    response = pb.VerifyRoundResponse(round=from_round(record))
    try:
        proof = check_recorded(record)
    except (CertificateError, InvalidProblemError) as error:
        response.fault = str(error)
        return response
    response.verified = True
    response.return_count = len(proof.return_ids)
    response.demand_count = len(proof.demand_ids)
    response.candidate_count = len(proof.columns)
    response.match_count = len(proof.pairs)
    response.limit_count = len(proof.groups)
    response.objective = match_limit_pb2.Objective.Value(f"OBJECTIVE_{proof.objective}")
    response.value = proof.value
    return response


def replayed_round(
    tenant: TenantId, round_id: RoundId, past: Past, stop: Stop
) -> pb.RoundReplay:
    """
    Live a round again and compare it with what is stored.

    Raises
    ------
    NearturnError
        As :meth:`server.runtime.past.Past.round` does.
    """
    stored = past.stored_round(tenant, round_id)
    found = past.round(tenant, round_id, stop)
    differing = [
        each.decision_id
        for each in found.decisions
        if past.store.decision(tenant, each.decision_id) != each
    ]
    return pb.RoundReplay(
        identical=found.record == stored and not differing,
        proof_identical=found.record.proof == stored.proof,
        decision_count=len(found.decisions),
        differing_decision_ids=differing[:DIFFERING_MAX],
    )
