"""What the last round proved of the items that it left waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.demand import Demand
from matcher.domain.ids import ReturnId
from matcher.domain.latlng import LatLng
from matcher.domain.policy import MatchKey
from matcher.domain.program import Pause
from matcher.engine.network import Network
from matcher.engine.open_demands import OpenDemands
from matcher.engine.records import ReturnRecord
from matcher.index import DemandIndex

#: Pool items that are looked up at once; bounds the memory of a round.
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What every pair of a round rests on besides its item and its demand.

    ``has_room`` says of each warehouse whether it takes more today: the ordinary way
    of an item costs more once its cheapest one is full. Demands that ship at
    ``earliest_us`` or before are no candidates.
    """

    now_us: int
    policy_version: int
    pauses: tuple[Pause, ...]
    network: Network
    has_room: tuple[bool, ...]
    earliest_us: int

    def price_like(self, other: Terms) -> bool:
        """Return whether a pair of the same two costs the same under both."""
        return (
            self.policy_version == other.policy_version
            and self.pauses == other.pauses
            and self.network is other.network
            and self.has_room == other.has_room
        )


@dataclass(frozen=True, slots=True)
class Left:
    """
    An item that an optimum left waiting.

    ``key`` is the number of its match key. Its gates pass until ``valid_until_us``.
    """

    version: int
    valid_until_us: int
    key: int
    location: LatLng
    radius_m: int


class RoundMemory:
    """
    Tells which waiting items a round need not look at, for nothing near them changed.

    Such an item would wait again, and for the same reasons: an optimum leaves each
    item without a buyer at a gain of 0 and each unit without a buyer at a price of 0,
    and the two add up to at least what the pair would save. So of the items that
    waited and the units that stayed open, no pair is a candidate; one that becomes a
    candidate involves an item or a demand that is new or has changed.

    Under match limits the item and the unit may wait beside each other for a place.
    What is kept then are items without any candidate: no limit stands in their way.

    What is kept is worth a round's time and nothing else: without it, as after a
    restart, every item is looked at and the round ends in the same rows, to the byte.
    """

    def __init__(self) -> None:
        self._terms: Terms | None = None
        self._begun: Terms | None = None
        self._left: Mapping[ReturnId, Left] = {}

    def keep(self, terms: Terms, left: Mapping[ReturnId, Left]) -> None:
        """
        Keep what an optimum left waiting.

        Parameters
        ----------
        terms
            Those that the round began with; a round that is not the last one begun
            knows too little to be of use.
        left
            The items, by id.
        """
        if terms is self._begun:
            self._terms, self._left = terms, left

    def unmoved(
        self, waiting: Iterable[ReturnRecord], terms: Terms, demands: OpenDemands
    ) -> dict[ReturnId, Left]:
        """
        Return the items that the round that begins may leave out.

        Until that round is finished there is no last one to rest on: if it never is,
        the next looks at every item.

        Parameters
        ----------
        waiting
            The items that wait now.
        terms
            Those of the round that begins.
        demands
            The open demands; what had changed among them counts as seen from now on.
        """
        changed = demands.take_changed()
        known, self._terms, self._begun = self._terms, None, terms
        if known is None or not terms.price_like(known) or len(changed) > len(demands):
            return {}
        changed += demands.shipping_after(known.earliest_us, until_us=terms.earliest_us)
        same = self._same(waiting, terms.now_us)
        for each in _near(same, changed, demands):
            del same[each]
        return same

    def _same(
        self, waiting: Iterable[ReturnRecord], now_us: int
    ) -> dict[ReturnId, Left]:
        same: dict[ReturnId, Left] = {}
        for record in waiting:
            return_id = record.item.return_id
            left = self._left.get(return_id)
            if (
                left is not None
                and left.version == record.version
                and now_us < left.valid_until_us
            ):
                same[return_id] = left
        return same


def _near(
    items: Mapping[ReturnId, Left], changed: Sequence[Demand], demands: OpenDemands
) -> list[ReturnId]:
    # Items whose circle holds a changed demand, or whose match key has become, or may
    # have been, one that nobody asks for: that is a reason of its own, however far
    # away the demand is.
    at = [(key, d.location) for d in changed for key in _keys(d, demands)]
    touched = {key for key, _ in at}
    turned = _turned(changed, touched, demands)
    near = [each for each, left in items.items() if left.key in turned]
    asked = [
        each
        for each, left in items.items()
        if left.key in touched and left.key not in turned
    ]
    if asked:
        index = DemandIndex()
        index.insert(*_columns(at))
        near += _within(index, [(each, items[each]) for each in asked])
    return near


def _within(
    index: DemandIndex, items: Sequence[tuple[ReturnId, Left]]
) -> Iterator[ReturnId]:
    for start in range(0, len(items), _ROWS_AT_ONCE):
        part = items[start : start + _ROWS_AT_ONCE]
        places = _columns([(left.key, left.location) for _, left in part])
        radius_m = np.array([left.radius_m for _, left in part], np.int64)
        is_near = np.diff(index.within(*places, radius_m).row_offsets) > 0
        yield from (each for (each, _), near in zip(part, is_near, strict=True) if near)


def _columns(
    at: Sequence[tuple[int, LatLng]],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    return (
        np.array([key for key, _ in at], np.int64),
        np.array([place.lat for _, place in at], np.float64),
        np.array([place.lng for _, place in at], np.float64),
    )


def _turned(
    changed: Sequence[Demand], touched: Iterable[int], demands: OpenDemands
) -> set[int]:
    # Keys that no open demand has now, or none but changed ones.
    now_open = {d.demand_id: d for d in changed if demands.row(d.demand_id) >= 0}
    new = Counter(key for d in now_open.values() for key in _keys(d, demands))
    return {key for key in touched if demands.count(key) <= new[key]}


def _keys(demand: Demand, demands: OpenDemands) -> tuple[int, int]:
    return (
        demands.key(MatchKey.SKU, demand.sku),
        demands.key(MatchKey.CATEGORY, demand.category),
    )
