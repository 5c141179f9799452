"""Places that matches have taken under match limits, by the UTC day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from matcher.domain.match_limit import LimitKey, MatchLimit
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger
from matcher.engine.network_book import DAY_US
from matcher.engine.records import MatchCount


def recent(rows: Iterable[MatchCount]) -> tuple[MatchCount, ...]:
    """Return the rows that a shard needs: of the last day and the one before."""
    kept = sorted(rows, key=lambda row: (row.key.day, row.key))
    first = max((row.key.day for row in kept), default=0) - 1
    return tuple(row for row in kept if row.key.day >= first)


class LimitBook:
    """
    How many matches of each day, SKU, zone and warehouse there are.

    Counts are written in the transaction of the matches that they count. A match takes
    its places on the day on which it is made, and gives them back if it ends
    unconfirmed while that day lasts; what ends later frees no place of another day.
    """

    def __init__(self, ledger: Ledger, rows: LiveRows) -> None:
        self._ledger = ledger
        self._counts = {row.key: row.match_count for row in rows.match_counts}

    def left(self, key: LimitKey, limit: MatchLimit) -> int:
        """Return how many matches more a key may have; below 0 if it has too many."""
        return limit.count_max - self._counts.get(key, 0)

    def taken(self, day: int) -> dict[LimitKey, int]:
        """Return how many matches of a day each key has."""
        return {key: count for key, count in self._counts.items() if key.day == day}

    def take(self, places: Iterable[LimitKey]) -> None:
        """Take a place of each."""
        day = 0
        for key, count in Counter(places).items():
            self._keep(key, self._counts.get(key, 0) + count)
            day = max(day, key.day)
        # As far back as a restart reads.
        if any(key.day < day - 1 for key in self._counts):
            self._counts = {k: n for k, n in self._counts.items() if k.day >= day - 1}

    def give_back(self, places: Iterable[LimitKey], now_us: int) -> None:
        """Give a place of each back, if its day still lasts."""
        for key in places:
            if key.day == now_us // DAY_US and self._counts.get(key):
                self._keep(key, self._counts[key] - 1)

    def _keep(self, key: LimitKey, count: int) -> None:
        self._counts[key] = count
        self._ledger.changes.match_counts[key] = MatchCount(key, count)
