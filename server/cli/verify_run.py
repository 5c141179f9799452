"""What was verified, in words; a round by its server."""

from __future__ import annotations

from nearturn.v1 import match_limit_pb2
from nearturn.v1 import match_service_pb2 as pb
from server.cli.server_call import calling


def proof_text(
    sizes: tuple[int, int, int],
    match_count: int,
    saving_micros: int,
    gap: int,
    *,
    limit_count: int = 0,
    weight: str = "",
) -> str:
    """
    Say what a proof holds.

    Parameters
    ----------
    sizes
        Candidates, returns and demands.
    match_count, saving_micros, gap
        Matches, what they save, and how much more the optimum may.
    limit_count
        Days, SKUs, zones and warehouses whose match limits they are within.
    weight
        What the matches weigh and by which objective, if that is not the saving.
    """
    candidates, returns, demands = sizes
    limits = "match limit" if limit_count == 1 else "match limits"
    within = f" within {limit_count} {limits}" if limit_count else ""
    weighing = f" and weigh {weight}" if weight else ""
    return (
        f"verified: {candidates} candidates between {returns} "
        f"returns and {demands} demands{within}; {match_count} matches "
        f"save {saving_micros} micros{weighing}, and the prices sum to "
        + (f"{gap} more: the optimum may" if gap else "the same")
    )


def weight_text(value: int, objective: str) -> str:
    """Say what matches weigh by an objective other than the saving."""
    return f"{value} by {objective.removeprefix('OBJECTIVE_')}"


def verified_round(server: str, round_id: str, *, replay: bool) -> tuple[bool, str]:
    """
    Have a server verify a round; return whether all holds, and what was found.

    Raises
    ------
    InvalidValueError
        If there is no such round.
    UnavailableError
        If the server cannot be reached or cannot live the round again.
    """
    request = pb.VerifyRoundRequest(round_id=round_id, replay=replay)
    with calling(server) as client:
        found = client.matches.VerifyRound(request)
    if not found.verified:
        return False, f"{round_id}: {found.fault}"
    certificate = found.round.certificate
    objective = match_limit_pb2.Objective.Name(found.objective)
    text = proof_text(
        (found.candidate_count, found.return_count, found.demand_count),
        found.match_count,
        certificate.saving_micros,
        certificate.gap_micros,
        limit_count=found.limit_count,
        weight=weight_text(found.value, objective)
        if found.objective != match_limit_pb2.OBJECTIVE_MAX_SAVING
        else "",
    )
    if not replay:
        return True, text
    again = found.replay
    if again.identical:
        lived = f"lived again: {again.decision_count} decisions and proof are the same"
        return True, f"{text}\n{lived}"
    differing = ", ".join(again.differing_decision_ids) or "none of the decisions"
    proof = "the same" if again.proof_identical else "another"
    return False, f"{round_id}: lived again, {differing} differ; the proof is {proof}"
