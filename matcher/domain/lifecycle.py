"""
All states and moves: of return items, demands, their units, holds and labels.

The books ask these tables before they move anything, and docs/STATES.md is made from
them. What a move needs beyond the state (an etag, an extension not yet used, units that
are not promised) is for the book to check.
"""

from __future__ import annotations

from typing import Final

from matcher.domain.decision import Outcome
from matcher.domain.demand import DemandState
from matcher.domain.match import HoldState
from matcher.domain.match_label import LabelState
from matcher.domain.return_item import ReturnState
from matcher.domain.state_machine import Move, StateMachine
from matcher.domain.trigger import Trigger

#: The state that a decision of each outcome takes a return item to.
DECIDED_STATES: Final = {
    Outcome.MATCHED: ReturnState.MATCHED,
    Outcome.WAITING: ReturnState.WAITING,
    Outcome.WAREHOUSE: ReturnState.WAREHOUSE,
    Outcome.CANCELLED: ReturnState.CANCELLED,
}

_R, _D, _H, _L = ReturnState, DemandState, HoldState, LabelState
_UNDECIDED = (_R.WAITING, _R.WAREHOUSE)
_GOES_ON = (_D.OPEN, _D.HELD)
_ENDED = (_D.CANCELLED, _D.EXPIRED)

RETURNS: Final = StateMachine[ReturnState](
    "return",
    [
        Move(_R.UNSPECIFIED, Trigger.SUBMIT, _UNDECIDED),
        Move(_R.WAITING, Trigger.VERIFY, _UNDECIDED),
        Move(_R.WAITING, Trigger.REVIEW, _UNDECIDED),
        Move(_R.WAITING, Trigger.MATCH, (_R.MATCHED,)),
        Move(_R.WAITING, Trigger.DECIDE_BY, (_R.WAREHOUSE,)),
        Move(_R.WAITING, Trigger.CANCEL, (_R.CANCELLED,)),
        Move(_R.MATCHED, Trigger.CONFIRM, (_R.CONFIRMED,)),
        Move(_R.MATCHED, Trigger.RELEASE, _UNDECIDED),
        Move(_R.MATCHED, Trigger.EXPIRE, _UNDECIDED),
        Move(_R.MATCHED, Trigger.CANCEL, (_R.CANCELLED,)),
        *(
            Move(state, trigger, (state,))
            for state in (_R.MATCHED, _R.CONFIRMED)
            for trigger in (Trigger.REQUEST_LABEL, Trigger.ISSUE_LABEL)
        ),
        Move(_R.CONFIRMED, Trigger.RECORD_OUTCOME, (_R.CONFIRMED, _R.COMPLETED)),
        Move(_R.COMPLETED, Trigger.RECORD_OUTCOME, (_R.COMPLETED,)),
        Move(_R.WAREHOUSE, Trigger.RECORD_OUTCOME, (_R.WAREHOUSE,)),
        *(
            Move(state, Trigger.ERASE, (state,))
            for state in (_R.CONFIRMED, _R.COMPLETED, _R.WAREHOUSE, _R.CANCELLED)
        ),
    ],
)

DEMANDS: Final = StateMachine[DemandState](
    "demand",
    [
        Move(_D.UNSPECIFIED, Trigger.ORDER, (_D.OPEN,)),
        Move(_D.OPEN, Trigger.CHANGE, (_D.OPEN, _D.HELD, _D.FULFILLED)),
        Move(_D.HELD, Trigger.CHANGE, (_D.OPEN, _D.HELD)),
        Move(_D.OPEN, Trigger.HOLD, (_D.OPEN, _D.HELD)),
        *(Move(state, Trigger.GIVE_BACK, (_D.OPEN,)) for state in _GOES_ON),
        *(Move(state, Trigger.GIVE_BACK, (state,)) for state in _ENDED),
        Move(_D.OPEN, Trigger.FULFIL, (_D.OPEN,)),
        Move(_D.HELD, Trigger.FULFIL, (_D.HELD, _D.FULFILLED)),
        *(Move(state, Trigger.FULFIL, (state,)) for state in _ENDED),
        *(Move(state, Trigger.CANCEL, (_D.CANCELLED,)) for state in _GOES_ON),
        *(Move(state, Trigger.SHIP, (_D.EXPIRED,)) for state in _GOES_ON),
        *(
            Move(state, Trigger.ERASE, (state,))
            for state in (_D.FULFILLED, _D.CANCELLED, _D.EXPIRED)
        ),
    ],
)

#: One unit of a demand. A unit that is given back is what its demand is by then.
UNITS: Final = StateMachine[DemandState](
    "unit",
    [
        Move(_D.OPEN, Trigger.HOLD, (_D.HELD,)),
        Move(_D.HELD, Trigger.FULFIL, (_D.FULFILLED,)),
        Move(_D.HELD, Trigger.GIVE_BACK, (_D.OPEN, _D.CANCELLED, _D.EXPIRED)),
        Move(_D.OPEN, Trigger.CANCEL, (_D.CANCELLED,)),
        Move(_D.OPEN, Trigger.SHIP, (_D.EXPIRED,)),
    ],
)

HOLDS: Final = StateMachine[HoldState](
    "match",
    [
        Move(_H.UNSPECIFIED, Trigger.MATCH, (_H.ACTIVE,)),
        Move(_H.ACTIVE, Trigger.EXTEND, (_H.ACTIVE,)),
        Move(_H.ACTIVE, Trigger.CONFIRM, (_H.CONFIRMED,)),
        Move(_H.ACTIVE, Trigger.RELEASE, (_H.RELEASED,)),
        Move(_H.ACTIVE, Trigger.CANCEL, (_H.RELEASED,)),
        Move(_H.ACTIVE, Trigger.EXPIRE, (_H.EXPIRED,)),
        *(
            Move(state, trigger, (state,))
            for state in (_H.ACTIVE, _H.CONFIRMED)
            for trigger in (Trigger.REQUEST_LABEL, Trigger.ISSUE_LABEL)
        ),
        *(
            Move(state, Trigger.VOID_LABEL, (state,))
            for state in (_H.ACTIVE, _H.CONFIRMED, _H.RELEASED, _H.EXPIRED)
        ),
    ],
)

LABELS: Final = StateMachine[LabelState](
    "label",
    [
        Move(_L.UNSPECIFIED, Trigger.REQUEST_LABEL, (_L.REQUESTED,)),
        Move(_L.UNSPECIFIED, Trigger.ISSUE_LABEL, (_L.ISSUED,)),
        Move(_L.REQUESTED, Trigger.ISSUE_LABEL, (_L.ISSUED,)),
        *(
            Move(state, trigger, (after,))
            for trigger, after in (
                (Trigger.VOID_LABEL, _L.VOIDED),
                (Trigger.SUPERSEDE, _L.SUPERSEDED),
                (Trigger.END_MATCH, _L.VOIDED),
            )
            for state in (_L.REQUESTED, _L.ISSUED)
        ),
        # The label system says that it is void there too.
        Move(_L.VOIDED, Trigger.VOID_LABEL, (_L.VOIDED,)),
        Move(_L.SUPERSEDED, Trigger.VOID_LABEL, (_L.SUPERSEDED,)),
    ],
)
