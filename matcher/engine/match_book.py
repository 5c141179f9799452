"""The matches of a shard: held, confirmed, released or expired."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from matcher.domain.errors import NotFoundError, StateConflictError
from matcher.domain.etag import check_etag
from matcher.domain.ids import LabelId, MatchId, RoundId
from matcher.domain.instant import utc_text
from matcher.domain.lifecycle import HOLDS
from matcher.domain.match import HoldState, Match
from matcher.domain.trigger import Trigger
from matcher.engine.demand_book import DemandBook
from matcher.engine.ledger import Ledger
from matcher.engine.limit_book import LimitBook
from matcher.engine.match_labels import labelled, without_route
from matcher.engine.timetable import Timetable


class MatchBook:
    """
    Matches under a hold, with the units that they hold and the places they take.

    Attributes
    ----------
    limits
        The places that are taken under match limits.
    """

    def __init__(
        self,
        ledger: Ledger,
        demands: DemandBook,
        limits: LimitBook,
        active: Iterable[Match],
    ) -> None:
        self._ledger = ledger
        self._demands = demands
        self.limits = limits
        self._active = {match.match_id: match for match in active}
        # Settled since the last commit: the archive may not know it yet.
        self._settled: dict[MatchId, Match] = {}
        self._expiries: Timetable[MatchId] = Timetable()
        for match in self._active.values():
            self._expiries.set(match.match_id, match.hold_expire_us)

    def __len__(self) -> int:
        return len(self._active)

    def committed(self) -> None:
        """Forget settled matches: the archive has them now."""
        self._settled.clear()

    def make(self, matches: Sequence[Match], now_us: int) -> None:
        """Hold one unit for each match, and take its places."""
        self._demands.hold([match.demand_id for match in matches], now_us)
        for match in matches:
            self._active[match.match_id] = match
            self._expiries.set(match.match_id, match.hold_expire_us)
            self._ledger.changes.matches[match.match_id] = match
        self.limits.take(place for match in matches for place in match.places)

    def find(self, match_id: MatchId) -> Match:
        """Return a match, or raise :class:`NotFoundError`."""
        found = self._active.get(match_id) or self._settled.get(match_id)
        found = found or self._ledger.archive.match(match_id)
        if found is None:
            raise NotFoundError("match", match_id)
        return found

    def check_round(self, round_id: RoundId) -> None:
        """Refuse a round that there never was with :class:`NotFoundError`."""
        if not self._ledger.has_round(round_id):
            raise NotFoundError("round", round_id)

    def confirm(self, match_id: MatchId, etag: str, now_us: int) -> Match:
        """
        Confirm a match; a confirmed one is returned as it is.

        Raises
        ------
        NotFoundError
            If there is no such match.
        StateConflictError
            If it was released or has expired.
        VersionMismatchError
            If the etag is stale.
        """
        match = self.find(match_id)
        if match.hold_state is HoldState.CONFIRMED:
            return match
        self._check(match, etag, Trigger.CONFIRM)
        self._demands.fulfil(match.demand_id, now_us)
        return self._settle(match, Trigger.CONFIRM, HoldState.CONFIRMED, now_us)

    def release(
        self,
        match_id: MatchId,
        etag: str,
        now_us: int,
        trigger: Trigger = Trigger.RELEASE,
    ) -> Match:
        """
        Release a match, its unit and its places; a released one is returned as it is.

        ``trigger`` is RELEASE, or CANCEL if its return item is called off. Its labels
        are void from now on.

        Raises
        ------
        NotFoundError
            If there is no such match.
        StateConflictError
            If it was confirmed or has expired.
        VersionMismatchError
            If the etag is stale.
        """
        match = self.find(match_id)
        if match.hold_state is HoldState.RELEASED:
            return match
        self._check(match, etag, trigger)
        self._give_back(match, now_us)
        return self._settle(match, trigger, HoldState.RELEASED, now_us)

    def extend(
        self, match_id: MatchId, etag: str, span_us: int, latest_us: int, now_us: int
    ) -> Match:
        """
        Let a hold run on, once.

        Parameters
        ----------
        match_id, etag
            Which one.
        span_us
            By how much, microseconds.
        latest_us
            When it has to end at the latest, microseconds since the epoch.
        now_us
            When it is extended.

        Raises
        ------
        NotFoundError
            If there is no such match.
        StateConflictError
            If it was confirmed, released or extended, has expired, or already lasts as
            long as it may.
        VersionMismatchError
            If the etag is stale.
        """
        match = self.find(match_id)
        self._check(match, etag, Trigger.EXTEND)
        if match.extended_us is not None:
            raise StateConflictError(
                "match",
                match_id,
                f"extended at {utc_text(match.extended_us)}",
                Trigger.EXTEND.value,
                "a hold that was never extended",
            )
        expire_us = min(match.hold_expire_us + span_us, latest_us)
        if expire_us <= match.hold_expire_us:
            raise StateConflictError(
                "match",
                match_id,
                f"held until {utc_text(match.hold_expire_us)}, which is as long as "
                "decide-by time and ship-by time leave it",
                Trigger.EXTEND.value,
                "a hold that could last longer",
            )
        return self._keep(
            replace(match, hold_expire_us=expire_us, extended_us=now_us),
            Trigger.EXTEND,
            match.hold_state,
        )

    def label(
        self, match: Match, label_id: LabelId, trigger: Trigger, etag: str, now_us: int
    ) -> Match:
        """
        Note what became of a label of a match.

        Raises
        ------
        NotFoundError
            If a label is voided that the match never had.
        StateConflictError
            If the hold, or the label, is in no state for that.
        VersionMismatchError
            If the etag is stale.
        LimitExceededError
            If the match would have had too many.
        """
        labels = labelled(match.labels, label_id, trigger, now_us)
        if labels == match.labels:
            return match
        self._check(match, etag, trigger)
        return self._keep(replace(match, labels=labels), trigger, match.hold_state)

    def expire(self, now_us: int) -> list[Match]:
        """Give back what holds that have run out held; return their matches."""
        expired = []
        for match_id in self._expiries.take_due(now_us):
            match = self._active[match_id]
            self._give_back(match, now_us)
            expired.append(
                self._settle(match, Trigger.EXPIRE, HoldState.EXPIRED, now_us)
            )
        return expired

    def held(self) -> Iterable[Match]:
        """Return the matches under a hold, in no order."""
        return self._active.values()

    def next_us(self) -> int | None:
        """Return when the next hold runs out."""
        return self._expiries.next_us()

    def _give_back(self, match: Match, now_us: int) -> None:
        self._demands.release(match.demand_id, now_us)
        self.limits.give_back(match.places, now_us)

    def _check(self, match: Match, etag: str, trigger: Trigger) -> None:
        check_etag("match", match.match_id, str(match.version), etag)
        HOLDS.check(match.match_id, match.hold_state, trigger)

    def _settle(
        self, match: Match, trigger: Trigger, state: HoldState, now_us: int
    ) -> Match:
        labels = match.labels
        if state is not HoldState.CONFIRMED:
            labels = without_route(labels, now_us)
        return self._keep(
            replace(match, ended_us=now_us, labels=labels), trigger, state
        )

    def _keep(self, match: Match, trigger: Trigger, state: HoldState) -> Match:
        kept = replace(
            match,
            hold_state=HOLDS.moved(match.hold_state, trigger, state),
            version=match.version + 1,
        )
        match_id = kept.match_id
        if state is HoldState.ACTIVE:
            self._active[match_id] = kept
            self._expiries.set(match_id, kept.hold_expire_us)
        else:
            self._active.pop(match_id, None)
            self._expiries.drop(match_id)
            self._settled[match_id] = kept
        self._ledger.changes.matches[match_id] = kept
        return kept
