"""What a world looks at in promises: labels, and who was overtaken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matcher.domain.decision import Decision
from matcher.domain.match_label import LabelState
from matcher.domain.return_item import ReturnState
from matcher.engine.changes import Changes
from matcher.engine.proof import Proof
from matcher.engine.records import RoundRecord

if TYPE_CHECKING:
    from tests.simulation.world import World


def check_labels(world: World, changes: Changes) -> None:
    """One label of a match is active, none of an ended one, and that is told (R11)."""
    told: dict[str, Decision] = {}
    for decision in changes.decisions:
        told.setdefault(decision.return_id, decision)
    for match in changes.matches.values():
        first = told.get(match.return_id)
        has_ended = match.hold_state.name in ("RELEASED", "EXPIRED")
        if first and has_ended and first.decided_us == match.ended_us:
            assert first.void_label_ids == match.must_void_ids, match
        active = [each for each in match.labels if each.state.is_active]
        stands = match.hold_state.name in ("ACTIVE", "CONFIRMED")
        assert len(active) <= stands, match
        for each in match.labels:
            world.met[f"label {each.state.name}"] += 1
            world.met["label to be voided"] += each.must_void
            assert not each.must_void or each.state is not LabelState.ISSUED


def check_overtaken(
    world: World,
    record: RoundRecord,
    proof: Proof,
    kept: list[tuple[str, str]],
    stamps: dict[str, int],
) -> None:
    """Count by hand who waits while a younger one got what they could have had."""
    parcels = {str(key): parcel for key, parcel in world.model.parcels.items()}
    age = {key: (parcel.created_us, key) for key, parcel in parcels.items()}
    overtaken = []
    for row, return_id in enumerate(proof.return_ids):
        parcel = parcels[return_id]
        waits = parcel.state is ReturnState.WAITING
        if not waits or parcel.stamp != stamps[return_id]:
            continue
        edges = proof.columns[proof.row_offsets[row] : proof.row_offsets[row + 1]]
        could_have = {proof.demand_ids[column] for column in edges}
        if any(age[who] > age[return_id] and what in could_have for who, what in kept):
            overtaken.append(parcel.created_us)
    assert record.overtaken_count == len(overtaken)
    waited_us = record.started_us - min(overtaken, default=record.started_us)
    assert record.overtaken_wait_us == waited_us
    world.met["overtaken"] += len(overtaken)
