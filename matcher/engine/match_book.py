"""The matches of a shard: held, confirmed, released or expired."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from matcher.domain.errors import (
    NotFoundError,
    StateConflictError,
    VersionMismatchError,
)
from matcher.domain.ids import MatchId
from matcher.domain.match import HoldState, Match
from matcher.engine.demand_book import DemandBook
from matcher.engine.ledger import Ledger
from matcher.engine.limit_book import LimitBook
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
        self._check(match, etag, "confirming")
        self._demands.fulfil(match.demand_id, now_us)
        return self._settle(match, HoldState.CONFIRMED)

    def release(self, match_id: MatchId, etag: str, now_us: int) -> Match:
        """
        Release a match, its unit and its places; a released one is returned as it is.

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
        self._check(match, etag, "releasing")
        self._give_back(match, now_us)
        return self._settle(match, HoldState.RELEASED)

    def expire(self, now_us: int) -> list[Match]:
        """Give back what holds that have run out held; return their matches."""
        expired = []
        for match_id in self._expiries.take_due(now_us):
            match = self._active[match_id]
            self._give_back(match, now_us)
            expired.append(self._settle(match, HoldState.EXPIRED))
        return expired

    def next_us(self) -> int | None:
        """Return when the next hold runs out."""
        return self._expiries.next_us()

    def _give_back(self, match: Match, now_us: int) -> None:
        self._demands.release(match.demand_id, now_us)
        self.limits.give_back(match.places, now_us)

    def _check(self, match: Match, etag: str, move: str) -> None:
        if etag and etag != str(match.version):
            raise VersionMismatchError(
                "match", match.match_id, str(match.version), etag
            )
        if match.hold_state is not HoldState.ACTIVE:
            raise StateConflictError(
                "match", match.match_id, match.hold_state.name, move, "ACTIVE"
            )

    def _settle(self, match: Match, state: HoldState) -> Match:
        settled = replace(match, hold_state=state, version=match.version + 1)
        del self._active[match.match_id]
        self._expiries.drop(match.match_id)
        self._settled[match.match_id] = settled
        self._ledger.changes.matches[match.match_id] = settled
        return settled
