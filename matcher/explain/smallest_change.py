"""What would have had to be otherwise for an item to be matched, and by how little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from matcher.domain.ids import ReturnId
from matcher.domain.item import Condition
from matcher.domain.match_limit import LimitKey
from matcher.domain.policy import CategoryRule
from matcher.explain.neighbourhood import Neighbourhood, Neighbourhoods
from matcher.explain.priced_market import PricedMarket
from matcher.explain.priced_probe import PricedProbe
from matcher.explain.probe import Probe, Row
from matcher.explain.settled_market import Pairs, SettledMarket
from matcher.solve import Stop

IntArray = NDArray[np.int64]

#: Items whose pairs are looked up together; bounds the memory.
_ITEMS_AT_ONCE = 64


class ChangeKind(IntEnum):
    """What would have to be otherwise."""

    UNSPECIFIED = 0
    RADIUS = 1
    SAVING = 2
    UNIT = 3
    CONDITION = 4
    ROLLOUT = 5
    CAP_PLACE = 6
    PLACE = 7


@dataclass(frozen=True, slots=True)
class SmallestChange:
    """
    The least change of one thing, for this item alone, that gets it matched.

    Parameters
    ----------
    kind
        RADIUS: a wider radius. SAVING: each of its pairs saving more. UNIT: more units
        of one demand that it could have had. CONDITION: a better grade. ROLLOUT: a
        larger share of customers. CAP_PLACE: more places under the volume cap. PLACE:
        more places under one match limit that it or one of its buyers counts for.
    amount
        How much more: metres, micros, units, places; for CONDITION the grade that it
        takes, for ROLLOUT the share, in basis points.
    demand_id
        The demand that gets the units; for whoever operates it, and for nobody else.
    limit
        The day, SKU, zone or warehouse that gets the places; for the operator as well,
        for a zone is where a buyer is.
    """

    kind: ChangeKind
    amount: int
    demand_id: str = ""
    limit: LimitKey | None = None


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Every demand that an item could have, whatever it saves: one entry each."""

    column: NDArray[np.int32]
    distance_m: IntArray
    saving: IntArray

    def where(self, fits: NDArray[np.bool_]) -> Row:
        """Return those that fit, as a probe takes them."""
        return self.column[fits], self.saving[fits], self.distance_m[fits]


def smallest_changes(
    settled: SettledMarket,
    return_ids: Iterable[ReturnId],
    stop: Stop | None = None,
) -> Iterator[tuple[ReturnId, tuple[SmallestChange, ...]]]:
    """
    Find what would have got unmatched items matched.

    Parameters
    ----------
    settled
        The market of a plan or of a round, with its optimum (without a gap).
    return_ids
        Items that passed gates 1 and 2 and got no buyer; others are left out, for their
        failed checks say it all.
    stop
        Ends it when it is requested.

    Yields
    ------
    tuple
        The id of an item, and a change of each kind that there is one of, in the order
        of :class:`ChangeKind`. Exact: the market with the change matches the item, and
        with one unit less of it does not. All else stays as it was; the match may take
        a unit from another item.

    Raises
    ------
    UnavailableError
        If it was stopped.

    Notes
    -----
    Savings are doubled, and those of the item lowered by one: it is matched then only
    if it has to be, and raised by one: if it may be. Between the two, where only the
    tie rule decides, what hangs together with the item is solved. An optimum that
    follows its market makes each question cheap
    (:class:`matcher.solve.LiveAssignment`). Under match limits, or another objective
    than the saving, prices of the market say it, and only where the tie rule decides
    the whole market is solved (:class:`matcher.explain.priced_probe.PricedProbe`).
    """
    assert not settled.assignment.gap, "an optimum"
    entries = settled.market.items
    rows = {entry.item.return_id: row for row, entry in enumerate(entries)}
    asked = [
        each
        for each in return_ids
        if each in rows and settled.assignment.column[rows[each]] < 0
    ]
    parts = Neighbourhoods(settled) if settled.is_plain else PricedMarket.of(settled)
    for start in range(0, len(asked), _ITEMS_AT_ONCE):
        some = asked[start : start + _ITEMS_AT_ONCE]
        found = settled.pairs([entries[rows[each]] for each in some])
        for return_id, pairs in zip(some, found, strict=True):
            row = rows[return_id]
            finder = _Finder(settled, parts, row, pairs, stop)
            yield return_id, tuple(finder.changes())


class _Finder:
    # What the questions of one item share.
    def __init__(
        self,
        settled: SettledMarket,
        parts: Neighbourhoods | PricedMarket | None,
        row: int,
        pairs: Pairs,
        stop: Stop | None,
    ) -> None:
        self._entry = settled.market.items[row]
        self._better = self._better_grades(settled)
        might_have = [pairs, *(each for _, each in self._better)]
        self._around: Neighbourhood | PricedProbe
        self._probe: Probe | PricedProbe
        if isinstance(parts, Neighbourhoods):
            self._around = parts.around(row, might_have)
            self._probe = Probe(self._around)
        else:
            self._around = self._probe = PricedProbe(
                settled, parts, row, might_have, stop
            )
        self._row = self._around.row(row)
        self._pairs = self._numbered(pairs)

    def changes(self) -> Iterator[SmallestChange]:
        """Yield the change of each kind."""
        row, rule, pairs = self._row, self._entry.rule, self._pairs
        radius_m = self._wider_radius(row, rule, pairs)
        if radius_m is not None:
            amount = radius_m - rule.radius_m
            yield SmallestChange(ChangeKind.RADIUS, amount)
        saving = self._more_saving(row, rule, pairs)
        if saving is not None:
            yield SmallestChange(ChangeKind.SAVING, saving)
        unit = self._more_units(row, rule, pairs)
        if unit is not None:
            yield unit
        grade = self._better_grade(row, rule)
        if grade is not None:
            yield SmallestChange(ChangeKind.CONDITION, grade)
        if isinstance(self._probe, PricedProbe):
            places = self._probe.places(row)
            if places:
                amount, key = min(places)
                yield SmallestChange(ChangeKind.PLACE, amount, limit=key)

    def _wider_radius(self, row: int, rule: CategoryRule, pairs: _Pairs) -> int | None:
        enough = pairs.saving >= rule.min_saving_micros
        distances = np.unique(
            pairs.distance_m[enough & (pairs.distance_m > rule.radius_m)]
        )

        def with_radius(at: int) -> Row:
            return pairs.where(enough & (pairs.distance_m <= distances[at]))

        at = self._probe.first(row, len(distances), with_radius)
        return None if at is None else int(distances[at])

    def _more_saving(self, row: int, rule: CategoryRule, pairs: _Pairs) -> int | None:
        near = pairs.distance_m <= rule.radius_m
        column, saving, distance_m = pairs.where(near)
        if not len(column):
            return None

        def with_more(at: int) -> Row:
            more = saving + at + 1
            enough = more >= rule.min_saving_micros
            return column[enough], more[enough], distance_m[enough]

        # No unit is dearer than the best saving that there is; a micro more wins it.
        most = self._probe.price_max + 1 - int(saving.min())
        at = self._probe.first(row, max(most, rule.min_saving_micros), with_more)
        return None if at is None else at + 1

    def _more_units(
        self, row: int, rule: CategoryRule, pairs: _Pairs
    ) -> SmallestChange | None:
        fits = (pairs.distance_m <= rule.radius_m) & (
            pairs.saving >= rule.min_saving_micros
        )
        metres = dict(
            zip(
                pairs.column[fits].tolist(),
                pairs.distance_m[fits].tolist(),
                strict=True,
            )
        )
        found = self._probe.units(row, list(metres))
        if not found:
            return None
        # The nearest of those that need as few.
        units, _, column = min((units, metres[at], at) for units, at in found)
        demand_id = self._around.demand_ids[column]
        return SmallestChange(ChangeKind.UNIT, units, demand_id)

    def _better_grade(self, row: int, rule: CategoryRule) -> int | None:
        ways: list[Row] = []
        for _, better in self._better:
            pairs = self._numbered(better)
            fits = (pairs.distance_m <= rule.radius_m) & (
                pairs.saving >= rule.min_saving_micros
            )
            ways.append(pairs.where(fits))
        at = self._probe.first(row, len(ways), lambda at: ways[at])
        return None if at is None else int(self._better[at][0])

    def _better_grades(self, settled: SettledMarket) -> list[tuple[Condition, Pairs]]:
        item = self._entry.item
        grades = [each for each in Condition if each > item.condition]
        entries = [
            replace(self._entry, item=replace(item, condition=grade))
            for grade in grades
        ]
        return list(zip(grades, settled.pairs(entries), strict=True))

    def _numbered(self, pairs: Pairs) -> _Pairs:
        column = self._around.columns(pairs.demand_ids)
        return _Pairs(column, pairs.distance_m, pairs.saving)
