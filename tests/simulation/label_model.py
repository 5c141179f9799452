"""Labels of matches in the reference model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from matcher.domain.errors import (
    LimitExceededError,
    NearturnError,
    NotFoundError,
    StateConflictError,
    VersionMismatchError,
)
from matcher.domain.match import HoldState, Match
from matcher.domain.match_label import LabelState, MatchLabel
from matcher.domain.return_item import ReturnState
from matcher.engine.commands import RecordLabel

if TYPE_CHECKING:
    from tests.simulation.reference_model import ReferenceModel

Refusal = type[NearturnError] | None
ACTIVE = (LabelState.REQUESTED, LabelState.ISSUED)


def record_label(model: ReferenceModel, command: RecordLabel) -> Refusal:
    """Note a label of a match; return how it has to be refused, if so."""
    match = model.holds.get(command.match_id)
    if match is None:
        return NotFoundError
    voids = command.state is LabelState.VOIDED
    stands = match.hold_state in (HoldState.ACTIVE, HoldState.CONFIRMED)
    is_said = any(
        (each.label_id, each.state) == (command.label_id, command.state)
        for each in match.labels
    )
    has_arrived = model.parcels[match.return_id].state is ReturnState.COMPLETED
    if stands and has_arrived and not is_said and not voids:
        return StateConflictError
    labels = _voided(model, match, command) if voids else _made(model, match, command)
    if isinstance(labels, type):
        return labels
    if labels == match.labels:
        return None
    if command.etag and command.etag != str(match.version):
        return VersionMismatchError
    if not stands and not voids:
        return StateConflictError
    changed = replace(match, labels=labels, version=match.version + 1)
    model.holds[match.match_id] = changed
    return None


def ended(model: ReferenceModel, label: MatchLabel, state: LabelState) -> MatchLabel:
    """Return a label that is of no more use; one that is out has to be voided."""
    if label.state not in ACTIVE:
        return label
    is_out = label.state is LabelState.ISSUED
    return MatchLabel(label.label_id, state, model.now_us, must_void=is_out)


def _voided(
    model: ReferenceModel, match: Match, command: RecordLabel
) -> tuple[MatchLabel, ...] | type[NearturnError]:
    labels = {each.label_id: each for each in match.labels}
    if command.label_id not in labels:
        return NotFoundError
    known = labels[command.label_id]
    now = replace(known, must_void=False)
    if known.state in ACTIVE:
        now = MatchLabel(known.label_id, LabelState.VOIDED, model.now_us)
    labels[command.label_id] = now
    return tuple(labels.values())


def _made(
    model: ReferenceModel, match: Match, command: RecordLabel
) -> tuple[MatchLabel, ...] | type[NearturnError]:
    labels = {each.label_id: each for each in match.labels}
    known = labels.get(command.label_id)
    new = MatchLabel(command.label_id, command.state, model.now_us)
    if known and known.state is command.state:
        return match.labels
    if known and (known.state, new.state) != (LabelState.REQUESTED, LabelState.ISSUED):
        return StateConflictError
    if not known:
        if len(labels) == 10:
            return LimitExceededError
        labels = {k: ended(model, v, LabelState.SUPERSEDED) for k, v in labels.items()}
    labels[command.label_id] = new
    return tuple(labels.values())
