"""Outcomes in the reference model: what may be said of an item, and what it trips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matcher.domain.errors import (
    InvalidValueError,
    NearturnError,
    NotFoundError,
    StateConflictError,
    VersionMismatchError,
)
from matcher.domain.guardrail import GuardrailMetric
from matcher.domain.item_outcome import Arrival
from matcher.domain.match import HoldState, Match
from matcher.domain.return_item import ReturnState
from matcher.engine.commands import RecordOutcome
from tests.simulation.guardrail_model import Said

if TYPE_CHECKING:
    from tests.simulation.entities import Parcel
    from tests.simulation.reference_model import ReferenceModel

Refusal = type[NearturnError] | None


def note_outcome(model: ReferenceModel, command: RecordOutcome) -> Refusal:
    """Note what became of an item; return how it has to be refused, if so."""
    match = model.holds.get(command.match_id) if command.match_id else None
    if command.match_id and match is None:
        return NotFoundError
    parcel = model.parcels.get(match.return_id if match else command.return_id)
    if parcel is None:
        return NotFoundError
    gone_to_buyer = parcel.state in (ReturnState.CONFIRMED, ReturnState.COMPLETED)
    if match and (match.hold_state is not HoldState.CONFIRMED or not gone_to_buyer):
        return StateConflictError
    if parcel.said and parcel.said.outcome == command.outcome:
        return None
    if refusal := _refused(model, parcel, command, gone_to_buyer=gone_to_buyer):
        return refusal
    before, parcel.said = parcel.said, Said(command.outcome)
    if gone_to_buyer:
        if command.outcome.arrival is Arrival.ARRIVED:
            parcel.state = ReturnState.COMPLETED
        model.watch.note(parcel.item, parcel.said, before, model.now_us)
        _trip(model, parcel.item.category, parcel.said.metrics)
    return None


def tally_holds(model: ReferenceModel, matches: list[Match], *, is_bad: bool) -> None:
    """Count holds that ended, and pause what they trip."""
    ended = [model.parcels[match.return_id].item.category for match in matches]
    model.watch.ended(ended, model.now_us, is_bad=is_bad)
    for category in sorted(set(ended)) if is_bad else ():
        _trip(model, category, {GuardrailMetric.HOLD_EXPIRED_SHARE})


def _refused(
    model: ReferenceModel,
    parcel: Parcel,
    command: RecordOutcome,
    *,
    gone_to_buyer: bool,
) -> Refusal:
    said = command.outcome
    if not gone_to_buyer and parcel.state is not ReturnState.WAREHOUSE:
        return StateConflictError
    if command.etag and command.etag != str(model.etags[parcel.item.return_id]):
        return VersionMismatchError
    has_arrived = parcel.state is ReturnState.COMPLETED
    if has_arrived and said.arrival is not Arrival.ARRIVED:
        return StateConflictError
    if not parcel.created_us <= said.occurred_us <= model.now_us:
        return InvalidValueError
    if said.note and not parcel.payload:
        # Erased: nothing free may be said of it any more.
        return InvalidValueError
    return InvalidValueError if said.response and not gone_to_buyer else None


def _trip(model: ReferenceModel, category: str, metrics: set[GuardrailMetric]) -> None:
    for each in model.active.guardrails if model.active else ():
        watched = each.category in ("", category) and each.metric in metrics
        if watched and model.watch.is_crossed(each, model.now_us):
            model.tripped += each.category not in model.paused
            model.paused.add(each.category)
