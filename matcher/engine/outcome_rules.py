"""Which outcomes may be recorded of which return items."""

from __future__ import annotations

from matcher.domain.errors import InvalidValueError, StateConflictError
from matcher.domain.etag import check_etag
from matcher.domain.instant import utc_text
from matcher.domain.item_outcome import Arrival, ItemOutcome
from matcher.domain.lifecycle import RETURNS
from matcher.domain.return_item import ReturnState
from matcher.domain.trigger import Trigger
from matcher.engine.commands import RecordOutcome
from matcher.engine.records import ReturnRecord

_MOVE = Trigger.RECORD_OUTCOME.value


def check_subject(record: ReturnRecord, command: RecordOutcome) -> None:
    """
    Refuse a match that is not the one by which the item went.

    Raises
    ------
    StateConflictError
        If the match was never confirmed.
    """
    is_its_own = record.is_confirmed and record.match_id == command.match_id
    if command.match_id and not is_its_own:
        raise StateConflictError(
            "match", command.match_id, "not confirmed", _MOVE, "a confirmed match"
        )


def check_outcome(record: ReturnRecord, command: RecordOutcome, now_us: int) -> None:
    """
    Refuse an outcome that does not suit the item it is said of.

    Raises
    ------
    StateConflictError
        If the route is not final, or it takes back that an item has arrived.
    VersionMismatchError
        If the etag is stale.
    InvalidValueError
        If it happened before the submission or has not yet, tells of a buyer where
        there was none, or has a note on an item whose personal data is erased.
    """
    return_id = record.item.return_id
    RETURNS.check(return_id, record.state, Trigger.RECORD_OUTCOME)
    check_etag("return", return_id, str(record.version), command.etag)
    if (
        record.state is ReturnState.COMPLETED
        and command.outcome.arrival is not Arrival.ARRIVED
    ):
        raise StateConflictError(
            "return", return_id, "COMPLETED", "taking its arrival back", "ARRIVED"
        )
    _check_facts(record, command.outcome, now_us)


def _check_facts(record: ReturnRecord, outcome: ItemOutcome, now_us: int) -> None:
    if not record.created_us <= outcome.occurred_us <= now_us:
        raise InvalidValueError(
            "outcome.occurred_time",
            utc_text(outcome.occurred_us),
            f"{utc_text(record.created_us)}, the submission, to now, "
            f"{utc_text(now_us)}",
        )
    if outcome.response and not record.is_confirmed:
        raise InvalidValueError(
            "outcome.buyer_response",
            outcome.response.name,
            "unset for a return that went to a warehouse",
        )
    if outcome.note and record.erased_us is not None:
        # It may name somebody, and nothing would erase it any more.
        raise InvalidValueError(
            "outcome.note",
            f"{len(outcome.note):,} characters",
            "empty: the return's personal data is erased",
        )
