"""What the pairs of a market count for under match limits, as groups of the solver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from matcher.domain.latlng import LatLng
from matcher.domain.match_limit import LimitKey, LimitScope, MatchLimit
from matcher.engine.market import Market
from matcher.engine.network import Network
from matcher.geo import cell_texts, latlng_to_cells, parent_cells
from matcher.solve import CandidateGraph, Limits

NONE = -1

_OF_RETURNS = (LimitScope.SKU, LimitScope.WAREHOUSE)


@dataclass(frozen=True, slots=True)
class PairKeys:
    """
    What each row and column of a market counts for; every match counts for its day.

    Parameters
    ----------
    limits
        The match limits of the policy.
    of_row
        SKU or warehouse of each row, whichever is limited; empty without either, and
        for a row that no stored warehouse would have had.
    of_column
        Cells of the columns for each ZONE limit, the coarsest first.
    """

    limits: tuple[MatchLimit, ...]
    of_row: Sequence[str]
    of_column: tuple[Sequence[str], ...]

    @classmethod
    def of(
        cls, limits: tuple[MatchLimit, ...], market: Market, network: Network
    ) -> PairKeys:
        """Return the keys of a market."""
        of_row: list[str] = []
        scope = _row_scope(limits)
        if scope is LimitScope.SKU:
            of_row = [entry.item.sku for entry in market.items]
        elif scope is LimitScope.WAREHOUSE:
            ids: list[str] = [each.warehouse_id for each in network.warehouses]
            # The standard return route, at -1, is no warehouse.
            of_row = [[*ids, ""][at] for at in market.fallback.warehouse.tolist()]
        keys = cls(limits, of_row, ())
        if not zone_limits(limits):
            return keys
        return keys.with_places([each.demand.location for each in market.demands])

    def with_places(self, places: Sequence[LatLng]) -> PairKeys:
        """
        Return the keys of the same rows and of columns at some places.

        A demand is in the cell of its place at the finest resolution that is limited,
        and in the parents of that cell, so that zones nest.
        """
        zones = zone_limits(self.limits)
        if not zones:
            return self
        cells = latlng_to_cells(
            [place.lat for place in places],
            [place.lng for place in places],
            zones[-1].resolution,
        )
        of_column = [cell_texts(parent_cells(cells, each.resolution)) for each in zones]
        return replace(self, of_column=tuple(of_column))

    def with_columns(self, columns: Sequence[int]) -> PairKeys:
        """Return the keys of the same rows and of some of the columns."""
        of_column = ([cells[at] for at in columns] for cells in self.of_column)
        return replace(self, of_column=tuple(of_column))

    def places(self, row: int, column: int, day: int) -> tuple[LimitKey, ...]:
        """Return what a match of the two counts for on a day."""
        places = [_day_key(day)]
        if not self.limits:
            return tuple(places)
        scope = _row_scope(self.limits)
        if scope is not None and self.of_row[row]:
            places.append(LimitKey(scope, 0, self.of_row[row], day))
        for limit, cells in zip(zone_limits(self.limits), self.of_column, strict=True):
            places.append(
                LimitKey(LimitScope.ZONE, limit.resolution, cells[column], day)
            )
        return tuple(places)

    def around_row(self, row: int, day: int) -> tuple[LimitKey, ...]:
        """Return the groups that a row with candidates is in, the smallest first."""
        scope = _row_scope(self.limits)
        if scope is None:
            return ()
        key = self.of_row[row]
        own = (LimitKey(scope, 0, key, day),) if key else ()
        return own if self.of_column else (*own, *self._around_all(day))

    def around_column(self, column: int, day: int) -> tuple[LimitKey, ...]:
        """Return the groups that a column with candidates is in, the smallest first."""
        if not self.of_column and _row_scope(self.limits) is not None:
            return ()
        zones = zip(zone_limits(self.limits), self.of_column, strict=True)
        own = [
            LimitKey(LimitScope.ZONE, limit.resolution, cells[column], day)
            for limit, cells in zones
        ]
        return (*reversed(own), *self._around_all(day))

    def _around_all(self, day: int) -> tuple[LimitKey, ...]:
        is_limited = any(each.scope is LimitScope.DAY for each in self.limits)
        return (_day_key(day),) if is_limited else ()


@dataclass(frozen=True, slots=True)
class MatchGroups:
    """
    The groups of a market for the solver.

    Parameters
    ----------
    keys
        Whose matches each group counts.
    limits
        What each has left, how they nest, and who is in them. Rows and columns
        without a candidate are in none.
    """

    keys: tuple[LimitKey, ...]
    limits: Limits

    @classmethod
    def of(
        cls,
        pairs: PairKeys,
        graph: CandidateGraph,
        day: int,
        left: Callable[[LimitKey, MatchLimit], int],
    ) -> MatchGroups | None:
        """
        Return the groups of a market, or ``None`` where nothing is limited.

        Parameters
        ----------
        pairs
            What the rows and columns count for.
        graph
            Their candidates.
        day
            The UTC day that counts, days since the epoch.
        left
            How many matches more a key may have.

        Notes
        -----
        The day holds the zones, or else the SKUs or warehouses. Groups are numbered
        by scope, then by key: the same for the same rows and columns with candidates.
        """
        if not pairs.limits:
            return None
        draft = _Draft(day, left)
        above = NONE
        for limit in pairs.limits:
            if limit.scope is LimitScope.DAY:
                above = draft.add(limit, "", NONE)
        has_zones = bool(pairs.of_column)
        has_row = np.diff(graph.row_offsets) > 0
        has_column = np.bincount(graph.columns, minlength=graph.column_count) > 0
        of_row = np.full(graph.row_count, NONE, np.int32)
        of_column = np.full(graph.column_count, NONE, np.int32)
        scope = _row_scope(pairs.limits)
        if scope is not None:
            of_row[has_row] = NONE if has_zones else above
            (limit,) = [each for each in pairs.limits if each.scope is scope]
            parents = np.full(graph.row_count, NONE if has_zones else above, np.int32)
            draft.share(limit, pairs.of_row, has_row, parents, of_row)
        if scope is None or has_zones:
            of_column[has_column] = above
        for limit, cells in zip(
            zone_limits(pairs.limits), pairs.of_column, strict=True
        ):
            draft.share(limit, cells, has_column, of_column.copy(), of_column)
        return cls(tuple(draft.keys), draft.limits(of_row, of_column))

    def after(self, used: Mapping[LimitKey, int]) -> MatchGroups:
        """Return the same groups with less left."""
        counts = [used.get(key, 0) for key in self.keys]
        left = self.limits.limit - np.array(counts, np.int64)
        limits = replace(self.limits, limit=np.maximum(left, 0))
        return replace(self, limits=limits)


class _Draft:
    # Groups in the making.
    def __init__(self, day: int, left: Callable[[LimitKey, MatchLimit], int]) -> None:
        self._day = day
        self._left = left
        self.keys: list[LimitKey] = []
        self._counts: list[int] = []
        self._parents: list[int] = []

    def add(self, limit: MatchLimit, key: str, parent: int) -> int:
        """Add a group; return its number."""
        counted = LimitKey(limit.scope, limit.resolution, key, self._day)
        self.keys.append(counted)
        self._counts.append(max(0, self._left(counted, limit)))
        self._parents.append(parent)
        return len(self.keys) - 1

    def share(
        self,
        limit: MatchLimit,
        keys: Sequence[str],
        counts: NDArray[np.bool_],
        parents: NDArray[np.int32],
        group: NDArray[np.int32],
    ) -> None:
        """Put those that count into the group of their key, in ``group``."""
        at = np.nonzero(counts)[0].tolist()
        parent_of = {keys[one]: int(parents[one]) for one in at if keys[one]}
        number = {
            key: self.add(limit, key, parent_of[key]) for key in sorted(parent_of)
        }
        for one in at:
            if keys[one]:
                group[one] = number[keys[one]]

    def limits(self, of_row: NDArray[np.int32], of_column: NDArray[np.int32]) -> Limits:
        """Return the groups as the solver takes them."""
        return Limits(
            np.array(self._counts, np.int64),
            np.array(self._parents, np.int32),
            of_row,
            of_column,
        )


@lru_cache(maxsize=16)
def _day_key(day: int) -> LimitKey:
    # One for all matches of a day, most of which count for nothing else.
    return LimitKey(LimitScope.DAY, 0, "", day)


def zone_limits(limits: Iterable[MatchLimit]) -> list[MatchLimit]:
    """Return the limits of zones, the coarsest first."""
    zones = [each for each in limits if each.scope is LimitScope.ZONE]
    return sorted(zones, key=lambda limit: limit.resolution)


def _row_scope(limits: Iterable[MatchLimit]) -> LimitScope | None:
    return next((each.scope for each in limits if each.scope in _OF_RETURNS), None)
