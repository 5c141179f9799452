"""What callers do with promises: confirm, extend, label, release, tell the outcome."""

from __future__ import annotations

from collections.abc import Sequence

from matcher.domain.decision import Handoff, matched_handoff
from matcher.domain.errors import (
    InvalidValueError,
    NotFoundError,
    StateConflictError,
)
from matcher.domain.etag import check_etag
from matcher.domain.lifecycle import RETURNS
from matcher.domain.match import HoldState, Match
from matcher.domain.match_label import LabelState
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.domain.trigger import Trigger
from matcher.engine.answers import (
    Answer,
    BulkReleaseAnswer,
    ReleaseAnswer,
    ReturnAnswer,
)
from matcher.engine.commands import (
    CancelReturn,
    ConfirmMatch,
    ExtendMatch,
    RecordLabel,
    RecordOutcome,
    ReleaseMatch,
    ReleaseMatches,
)
from matcher.engine.demand_book import DemandBook
from matcher.engine.guardrail_book import GuardrailBook
from matcher.engine.match_book import MatchBook
from matcher.engine.outcome_rules import check_outcome, check_subject
from matcher.engine.policy_book import PolicyBook
from matcher.engine.return_book import ReturnBook
from matcher.engine.round_clock import RoundClock
from matcher.policy.words import duration_words

Command = (
    CancelReturn
    | ConfirmMatch
    | ExtendMatch
    | RecordLabel
    | RecordOutcome
    | ReleaseMatch
    | ReleaseMatches
)

_LABEL_TRIGGERS = {
    LabelState.REQUESTED: Trigger.REQUEST_LABEL,
    LabelState.ISSUED: Trigger.ISSUE_LABEL,
    LabelState.VOIDED: Trigger.VOID_LABEL,
}


class Promises:
    """
    The moves of a match, each with those of its return item and its demand.

    A hold ends early enough for the item to be on its way in time: ``margin_us`` before
    its decide-by time, also if it is extended.
    """

    def __init__(
        self,
        demands: DemandBook,
        returns: ReturnBook,
        matches: MatchBook,
        policies: PolicyBook,
        guardrails: GuardrailBook,
        clock: RoundClock,
        margin_us: int,
    ) -> None:
        self._demands = demands
        self._returns = returns
        self._matches = matches
        self._policies = policies
        self._guardrails = guardrails
        self._clock = clock
        self._margin_us = margin_us

    def apply(self, command: Command, now_us: int) -> Answer:
        """
        Carry out a command.

        Raises
        ------
        NotFoundError
            If there is no such match, return item, label, round or demand.
        StateConflictError
            If the state does not allow the move.
        VersionMismatchError
            If the etag is stale.
        InvalidValueError
            If an outcome, or how long a hold is to be extended, is not acceptable.
        LimitExceededError
            If a match would have had too many labels.
        """
        match command:
            case ConfirmMatch():
                return self._confirm(command, now_us)
            case ExtendMatch():
                return self._extend(command, now_us)
            case ReleaseMatch():
                return self._release(command, now_us)
            case ReleaseMatches():
                return self._release_all(command, now_us)
            case RecordLabel():
                return self._record_label(command, now_us)
            case CancelReturn():
                return self._cancel_return(command, now_us)
            case RecordOutcome():
                return self._record_outcome(command, now_us)

    def _confirm(self, command: ConfirmMatch, now_us: int) -> Match:
        before = self._matches.find(command.match_id)
        match = self._matches.confirm(command.match_id, command.etag, now_us)
        if before.hold_state is HoldState.ACTIVE:
            record = self._returns.confirmed(match, now_us)
            self._guardrails.count_holds([record.item.category], now_us, expired=False)
        return match

    def _extend(self, command: ExtendMatch, now_us: int) -> Match:
        match = self._matches.find(command.match_id)
        longest_us = self._policies.version(match.policy_version).hold_duration_us
        span_us = longest_us if command.span_us is None else command.span_us
        if not 0 < span_us <= longest_us:
            raise InvalidValueError(
                "extension",
                f"{span_us:,} us",
                f"1 us, nanoseconds being cut off, to {duration_words(longest_us)}, "
                "the policy's hold time",
            )
        is_held = match.hold_state is HoldState.ACTIVE
        latest_us = self._latest_us(match) if is_held else match.hold_expire_us
        return self._matches.extend(
            command.match_id, command.etag, span_us, latest_us, now_us
        )

    def _latest_us(self, match: Match) -> int:
        # As when it was made (state_match), but of the demand as it is by now.
        record = self._returns.live(match.return_id)
        wanted = self._demands.live(match.demand_id)
        assert record is not None, match.return_id
        assert wanted is not None, match.demand_id
        policy = self._policies.version(match.policy_version)
        return min(
            record.item.decide_by_us - self._margin_us,
            wanted.demand.ship_by_us - policy.handling_duration_us,
        )

    def _release(self, command: ReleaseMatch, now_us: int) -> ReleaseAnswer:
        before = self._matches.find(command.match_id)
        match = self._matches.release(command.match_id, command.etag, now_us)
        if before.hold_state is HoldState.ACTIVE:
            return self._freed([match], now_us)[0]
        record = self._returns.find(match.return_id)
        return ReleaseAnswer(match, self._returns.answer(record).decision)

    def _release_all(self, command: ReleaseMatches, now_us: int) -> BulkReleaseAnswer:
        if command.round_id:
            self._matches.check_round(command.round_id)
        elif not self._demands.find_all([command.demand_id]):
            raise NotFoundError("demand", command.demand_id)
        # Looks at every hold: rare, and a fifth of a second for a million of them.
        held = sorted(
            match.match_id
            for match in self._matches.held()
            if match.round_id == command.round_id
            or match.demand_id == command.demand_id
        )
        released = [
            self._matches.release(match_id, "", now_us)
            for match_id in held[: command.count_max]
        ]
        answers = self._freed(released, now_us)
        return BulkReleaseAnswer(answers, len(held) - len(released))

    def _freed(
        self, matches: Sequence[Match], now_us: int
    ) -> tuple[ReleaseAnswer, ...]:
        if not matches:
            return ()
        answers = self._returns.freed(matches, ReasonCode.MATCH_RELEASED, now_us)
        self._clock.decided((each.record for each in answers), self._margin_us)
        self._clock.changed()
        self._guardrails.count_holds(
            [each.record.item.category for each in answers], now_us, expired=False
        )
        return tuple(
            ReleaseAnswer(match, each.decision)
            for match, each in zip(matches, answers, strict=True)
        )

    def _record_label(self, command: RecordLabel, now_us: int) -> Match:
        match = self._matches.find(command.match_id)
        trigger = _LABEL_TRIGGERS[command.state]
        is_said = any(
            (each.label_id, each.state) == (command.label_id, command.state)
            for each in match.labels
        )
        stands = match.hold_state in (HoldState.ACTIVE, HoldState.CONFIRMED)
        if stands and not is_said and trigger is not Trigger.VOID_LABEL:
            self._check_labelled(match, trigger)
        return self._matches.label(
            match, command.label_id, trigger, command.etag, now_us
        )

    def _check_labelled(self, match: Match, trigger: Trigger) -> None:
        record = self._returns.find(match.return_id)
        RETURNS.check(match.return_id, record.state, trigger)
        handoff = matched_handoff(record.item.preferred_path)
        if handoff is not Handoff.CARRIER_LABEL:
            raise StateConflictError(
                "return",
                match.return_id,
                f"handed over by {handoff.name}, without a label",
                trigger.value,
                Handoff.CARRIER_LABEL.name,
            )

    def _cancel_return(self, command: CancelReturn, now_us: int) -> ReturnAnswer:
        return_id = command.return_id
        record = self._returns.find(return_id)
        if record.state is ReturnState.CANCELLED:
            return self._returns.answer(record)
        check_etag("return", return_id, str(record.version), command.etag)
        RETURNS.check(return_id, record.state, Trigger.CANCEL)
        released = None
        if record.state is ReturnState.MATCHED:
            released = self._matches.release(
                record.match_id, "", now_us, Trigger.CANCEL
            )
            self._clock.changed()
        self._clock.left(return_id)
        return self._returns.cancel(record, released, now_us)

    def _record_outcome(self, command: RecordOutcome, now_us: int) -> ReturnAnswer:
        return_id = command.return_id
        if command.match_id:
            return_id = self._matches.find(command.match_id).return_id
        record = self._returns.find(return_id)
        check_subject(record, command)
        before = record.outcome_record
        if before is None or before.outcome != command.outcome:
            check_outcome(record, command, now_us)
            noted = self._guardrails.count_outcome(record, command.outcome, now_us)
            record = self._returns.came_of(record, noted, now_us)
        return self._returns.answer(record)
