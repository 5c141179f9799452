"""Promises in the reference model: what may become of a hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from matcher.domain.errors import (
    InvalidValueError,
    NearturnError,
    NotFoundError,
    StateConflictError,
    VersionMismatchError,
)
from matcher.domain.match import HoldState, Match
from matcher.domain.match_label import LabelState
from matcher.domain.return_item import ReturnState
from matcher.engine.commands import (
    CancelReturn,
    ConfirmMatch,
    ExtendMatch,
    RecordLabel,
    ReleaseMatch,
    ReleaseMatches,
)
from tests.scenarios import HOUR_US
from tests.simulation.label_model import ended, record_label
from tests.simulation.outcome_model import tally_holds

if TYPE_CHECKING:
    from tests.simulation.reference_model import ReferenceModel

Refusal = type[NearturnError] | None
Command = (
    CancelReturn
    | ConfirmMatch
    | ExtendMatch
    | RecordLabel
    | ReleaseMatch
    | ReleaseMatches
)


def keep(model: ReferenceModel, command: Command) -> Refusal:
    """Carry out a command about promises; return how it has to be refused, if so."""
    match command:
        case CancelReturn():
            return cancel_return(model, command)
        case ConfirmMatch() | ReleaseMatch():
            return end_hold(model, command)
        case ReleaseMatches():
            return release_all(model, command)
        case ExtendMatch():
            return extend(model, command)
        case RecordLabel():
            return record_label(model, command)


def end_hold(model: ReferenceModel, command: ConfirmMatch | ReleaseMatch) -> Refusal:
    """Confirm or release a match; return how it has to be refused, if so."""
    match = model.holds.get(command.match_id)
    if match is None:
        return NotFoundError
    confirms = isinstance(command, ConfirmMatch)
    goal = HoldState.CONFIRMED if confirms else HoldState.RELEASED
    if match.hold_state is goal:
        return None
    if command.etag and command.etag != str(match.version):
        return VersionMismatchError
    if match.hold_state is not HoldState.ACTIVE:
        return StateConflictError
    if not confirms:
        _release(model, match)
        return None
    model.orders[match.demand_id].move(held=-1, fulfilled=1)
    model.parcels[match.return_id].state = ReturnState.CONFIRMED
    end(model, match, goal)
    tally_holds(model, [match], is_bad=False)
    return None


def release_all(model: ReferenceModel, command: ReleaseMatches) -> Refusal:
    """Release what a round made, or what holds units of a demand, lowest ids first."""
    left = command.count_max
    for _, match in sorted(model.holds.items()):
        whose = (match.round_id, match.demand_id)
        is_its = command.round_id in whose or command.demand_id in whose
        if is_its and left and match.hold_state is HoldState.ACTIVE:
            _release(model, match)
            left -= 1
    return None


def extend(model: ReferenceModel, command: ExtendMatch) -> Refusal:
    """Let a hold run on; return how it has to be refused, if so."""
    match = model.holds.get(command.match_id)
    if match is None:
        return NotFoundError
    made_by = model.policies[match.policy_version]
    span_us = command.span_us
    if span_us is None:
        span_us = made_by.hold_duration_us
    if span_us < 1 or span_us > made_by.hold_duration_us:
        return InvalidValueError
    if command.etag and command.etag != str(match.version):
        return VersionMismatchError
    if match.hold_state is not HoldState.ACTIVE or match.extended_us is not None:
        return StateConflictError
    item = model.parcels[match.return_id].item
    ship_by_us = model.orders[match.demand_id].demand.ship_by_us
    until_us = min(
        match.hold_expire_us + span_us,
        item.decide_by_us - model.margin_us,
        ship_by_us - made_by.handling_duration_us,
    )
    if until_us <= match.hold_expire_us:
        return StateConflictError
    model.holds[match.match_id] = replace(
        match,
        hold_expire_us=until_us,
        extended_us=model.now_us,
        version=match.version + 1,
    )
    return None


def cancel_return(model: ReferenceModel, command: CancelReturn) -> Refusal:
    """Call a return off; return how it has to be refused, if so."""
    parcel = model.parcels.get(command.return_id)
    if parcel is None:
        return NotFoundError
    if parcel.state is ReturnState.CANCELLED:
        return None
    if command.etag and command.etag != str(model.etags[command.return_id]):
        return VersionMismatchError
    if parcel.state not in (ReturnState.WAITING, ReturnState.MATCHED):
        return StateConflictError
    if parcel.state is ReturnState.MATCHED:
        assert parcel.match_id is not None
        _free(model, model.holds[parcel.match_id], HoldState.RELEASED)
    model.move(parcel, ReturnState.CANCELLED)
    return None


def give_back(model: ReferenceModel, match: Match, state: HoldState) -> None:
    """End a hold without a hand-over, and decide its item anew."""
    _free(model, match, state)
    model.decide(model.parcels[match.return_id])


def end(model: ReferenceModel, match: Match, state: HoldState) -> None:
    """End a hold; only a confirmed one keeps its label."""
    labels = match.labels
    if state is not HoldState.CONFIRMED:
        labels = tuple(ended(model, each, LabelState.VOIDED) for each in labels)
    model.holds[match.match_id] = replace(
        match,
        hold_state=state,
        version=match.version + 1,
        ended_us=model.now_us,
        labels=labels,
    )


def _release(model: ReferenceModel, match: Match) -> None:
    model.parcels[match.return_id].released.append(match.demand_id)
    give_back(model, match, HoldState.RELEASED)
    tally_holds(model, [match], is_bad=False)


def _free(model: ReferenceModel, match: Match, state: HoldState) -> None:
    model.orders[match.demand_id].move(held=-1)
    # Places only while the day on which they were taken lasts.
    for key in match.places:
        if key.day * 24 * HOUR_US <= model.now_us < (key.day + 1) * 24 * HOUR_US:
            model.counts[key] -= 1
    end(model, match, state)
