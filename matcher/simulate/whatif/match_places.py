"""Places that the matches of a life take under match limits."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from matcher.domain.match_limit import LimitKey, LimitScope, MatchLimit
from matcher.domain.reason import ReasonCode
from matcher.engine.archive import LiveRows
from matcher.engine.journal import Checkpoint
from matcher.engine.ledger import Ledger
from matcher.engine.limit_book import LimitBook
from matcher.engine.match_groups import PairKeys, zone_limits
from matcher.engine.network import InboundChoice
from matcher.engine.obstacles import LIMIT_CHECKS, Obstacles
from matcher.simulate.replay_store import ReplayStore
from matcher.simulate.whatif.codes import bit
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.terms import Terms

IntArray = NDArray[np.int64]


class MatchPlaces:
    """Counts the matches of each day, SKU, zone and warehouse, as a shard does."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        rows = LiveRows(match_counts=facts.timeline.match_counts)
        store = ReplayStore(Checkpoint(0, 0, rows))
        self._book = LimitBook(Ledger(store, rows), rows)
        self._of_row = {
            facts.items.row_of[match.return_id]: match.places
            for match in facts.timeline.held
        }

    def keys(
        self, terms: Terms, inbound: InboundChoice, rows: IntArray, states: IntArray
    ) -> PairKeys:
        """Return what some items and some demands count for."""
        limits = terms.policy.match_limits
        scopes = {each.scope for each in limits}
        of_row: list[str] = []
        if LimitScope.SKU in scopes:
            items = self._facts.items.items
            of_row = [items[row].sku for row in rows.tolist()]
        elif LimitScope.WAREHOUSE in scopes:
            ids = [str(each.warehouse_id) for each in terms.network.warehouses]
            # The standard return route, at -1, is no warehouse.
            of_row = [[*ids, ""][at] for at in inbound.warehouse[rows].tolist()]
        keys = PairKeys(limits, of_row, ())
        if not zone_limits(limits):
            return keys
        demands = self._facts.timeline.demands
        return keys.with_places([demands[at].demand.location for at in states.tolist()])

    def left(self, key: LimitKey, limit: MatchLimit) -> int:
        """Return how many matches more a key may have."""
        return self._book.left(key, limit)

    def take(self, rows: Iterable[int], places: Iterable[tuple[LimitKey, ...]]) -> None:
        """Take the places of some matches, by item."""
        taken = dict(zip(rows, places, strict=True))
        self._of_row.update(taken)
        self._book.take(key for of_match in taken.values() for key in of_match)

    def give_back(self, row: int, now_us: int) -> None:
        """Give the places of an item's match back, if their day still lasts."""
        self._book.give_back(self._of_row.pop(row, ()), now_us)


class Unmatched:
    """
    What stood between the items of a round under match limits and their candidates.

    Parameters
    ----------
    rows
        The items that had candidates, rising.
    waits
        ``bool``, of the same length: which of them got none.
    obstacles
        What the answer left of units and places.
    """

    def __init__(
        self, rows: IntArray, waits: NDArray[np.bool_], obstacles: Obstacles
    ) -> None:
        self._rows = rows
        self._waits = waits
        self._obstacles = obstacles

    @property
    def is_limited(self) -> bool:
        """Whether a match limit stood in the way of any."""
        return any(
            self._obstacles.of_row(at).is_limited
            for at in np.nonzero(self._waits)[0].tolist()
        )

    def bits(self, row: int) -> int:
        """Return why an item that had candidates got none, as a set of reasons."""
        found = self._obstacles.of_row(int(np.searchsorted(self._rows, row)))
        bits = 0
        if found.gone_count or not found.is_limited:
            bits |= bit(ReasonCode.DEMAND_CAPACITY)
        for each in found.limits:
            if each.full:
                bits |= bit(LIMIT_CHECKS[each.scope][1])
        return bits
