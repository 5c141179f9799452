"""The labels of a match: which one is active, and which are to be voided."""

from __future__ import annotations

from dataclasses import replace

from matcher.domain.errors import LimitExceededError, NotFoundError
from matcher.domain.ids import LabelId
from matcher.domain.lifecycle import LABELS
from matcher.domain.match_label import LABEL_COUNT_MAX, LabelState, MatchLabel
from matcher.domain.trigger import Trigger

Labels = tuple[MatchLabel, ...]

_GOALS = {
    Trigger.REQUEST_LABEL: LabelState.REQUESTED,
    Trigger.ISSUE_LABEL: LabelState.ISSUED,
    Trigger.VOID_LABEL: LabelState.VOIDED,
}


def labelled(
    labels: Labels, label_id: LabelId, trigger: Trigger, now_us: int
) -> Labels:
    """
    Return labels after one of them was requested, issued or voided.

    A new one supersedes the one that was active. What is said again changes nothing.

    Raises
    ------
    NotFoundError
        If a label is voided that is not among them.
    StateConflictError
        If the label is in no state for that.
    LimitExceededError
        If there would be too many.
    """
    known = next((each for each in labels if each.label_id == label_id), None)
    goal = _GOALS[trigger]
    if known is None:
        if trigger is Trigger.VOID_LABEL:
            raise NotFoundError("label", label_id)
        if len(labels) >= LABEL_COUNT_MAX:
            raise LimitExceededError(
                "labels of a match", len(labels) + 1, LABEL_COUNT_MAX
            )
        state = LABELS.moved(LabelState.UNSPECIFIED, trigger, goal)
        ended = _without(labels, Trigger.SUPERSEDE, LabelState.SUPERSEDED, now_us)
        return (*ended, MatchLabel(label_id, state, now_us))
    if known.state is goal and not known.must_void:
        return labels
    LABELS.check(label_id, known.state, trigger)
    now = _voided(known, now_us) if trigger is Trigger.VOID_LABEL else known
    if trigger is Trigger.ISSUE_LABEL:
        now = replace(known, state=goal, changed_us=now_us)
    return tuple(now if each is known else each for each in labels)


def without_route(labels: Labels, now_us: int) -> Labels:
    """Return labels after their match ended without a hand-over: none is active."""
    return _without(labels, Trigger.END_MATCH, LabelState.VOIDED, now_us)


def _without(labels: Labels, trigger: Trigger, goal: LabelState, now_us: int) -> Labels:
    # Only a label that was issued is out there, and has to be called back.
    return tuple(
        replace(
            each,
            state=LABELS.moved(each.state, trigger, goal),
            changed_us=now_us,
            must_void=each.state is LabelState.ISSUED,
        )
        if each.state.is_active
        else each
        for each in labels
    )


def _voided(label: MatchLabel, now_us: int) -> MatchLabel:
    # Void in the label system: nothing is left to be done about it.
    if label.state.is_active:
        return replace(label, state=LabelState.VOIDED, changed_us=now_us)
    return replace(label, must_void=False)
