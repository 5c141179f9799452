"""Warehouses and service areas of a tenant as arrays, and prices of their trips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.decision import WarehouseRoute
from matcher.domain.ids import WarehouseId
from matcher.domain.return_item import ReturnItem
from matcher.domain.warehouse import Warehouse
from matcher.geo import ServiceAreas, distance_table_m
from matcher.policy.label import trip_micros
from matcher.routing import RoutingProblem, route

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Cells of a place-by-warehouse table that are held at once; 32 MB a table.
_TABLE_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Places:
    """Places with the category of what is sent from or to each."""

    lat: FloatArray
    lng: FloatArray
    categories: Sequence[str]

    def __len__(self) -> int:
        return len(self.categories)

    def part(self, start: int, stop: int) -> Places:
        """Return the places of a range."""
        return Places(
            self.lat[start:stop], self.lng[start:stop], self.categories[start:stop]
        )


@dataclass(frozen=True, slots=True)
class InboundChoice:
    """
    The cheapest ordinary route of each item, all arrays of shape ``(n,)``.

    ``warehouse`` is an index into :attr:`Network.warehouses`, ``-1`` for the
    standard return route; ``distance_m`` is 0 there.
    """

    warehouse: NDArray[np.int32]
    distance_m: IntArray
    cost_micros: IntArray


def places_of(items: Sequence[ReturnItem]) -> Places:
    """Return where items are, with their categories."""
    return Places(
        np.array([item.location.lat for item in items], np.float64),
        np.array([item.location.lng for item in items], np.float64),
        [item.category for item in items],
    )


class Network:
    """
    The network of a tenant, fixed; a change makes a new one.

    Parameters
    ----------
    warehouses
        In any order; kept in the order of their ids, which is also the tie rule
        between equally cheap warehouses.
    areas
        Where the programme runs.
    """

    def __init__(self, warehouses: Iterable[Warehouse], areas: ServiceAreas) -> None:
        self.warehouses = tuple(sorted(warehouses, key=lambda w: w.warehouse_id))
        self.areas = areas
        self._lat = np.array([w.location.lat for w in self.warehouses], np.float64)
        self._lng = np.array([w.location.lng for w in self.warehouses], np.float64)

    def __len__(self) -> int:
        return len(self.warehouses)

    @property
    def daily_capacity(self) -> IntArray:
        """Units per day, ``int64 (W,)``, in the order of the warehouses."""
        return self._terms("daily_capacity")

    def in_service_area(self, lat: FloatArray, lng: FloatArray) -> BoolArray:
        """Return whether each place is served; without any area, all are."""
        return self.areas.contains(lat, lng) >= 0

    def cheapest_inbound(
        self, places: Places, remaining: IntArray, standard_micros: int
    ) -> InboundChoice:
        """
        Choose the cheapest ordinary route of each item by itself.

        Parameters
        ----------
        places
            Where the items are.
        remaining
            Units that each warehouse still takes today, ``int64 (W,)``. One that
            is full counts only where every accepting one is.
        standard_micros
            Price of the standard return route, for items that no warehouse takes.
        """
        count = len(places)
        choice = InboundChoice(
            np.full(count, -1, np.int32),
            np.zeros(count, np.int64),
            np.full(count, standard_micros, np.int64),
        )
        if not self.warehouses:
            return choice
        for start, stop in self._parts(count):
            part = places.part(start, stop)
            distance, cost = self._inbound(part)
            accepted = self._accepted(part.categories)
            is_open = accepted & (remaining > 0)[None, :]
            has_room = is_open.any(axis=1, keepdims=True)
            pool = np.where(has_room, is_open, accepted)
            best = np.where(pool, cost, np.iinfo(np.int64).max).argmin(axis=1)
            taken = np.nonzero(accepted.any(axis=1))[0]
            at = best[taken]
            choice.warehouse[start + taken] = at
            choice.distance_m[start + taken] = distance[taken, at]
            choice.cost_micros[start + taken] = cost[taken, at]
        return choice

    def cheapest_outbound(self, places: Places) -> IntArray:
        """
        Price the cheapest shipment from stock to each place.

        Returns
        -------
        numpy.ndarray
            Micros, ``int64 (n,)``; ``-1`` where no warehouse has the category.
        """
        micros = np.full(len(places), -1, np.int64)
        if not self.warehouses:
            return micros
        for start, stop in self._parts(len(places)):
            part = places.part(start, stop)
            cost = trip_micros(
                self._distance(part),
                self._terms("outbound_base_micros")[None, :],
                self._terms("outbound_per_km_micros")[None, :],
            )
            accepted = self._accepted(part.categories)
            best = np.where(accepted, cost, np.iinfo(np.int64).max).min(axis=1)
            micros[start:stop] = np.where(accepted.any(axis=1), best, -1)
        return micros

    def route(
        self, places: Places, remaining: IntArray, standard_micros: int
    ) -> list[WarehouseRoute]:
        """
        Route items to warehouses together, at least total cost within capacity.

        What exceeds every capacity goes to its cheapest warehouse, flagged.
        """
        standard = WarehouseRoute(WarehouseId(""), 0, standard_micros)
        if not self.warehouses:
            return [standard] * len(places)
        distance, cost = self._inbound(places)
        accepted = self._accepted(places.categories)
        answer = route(RoutingProblem(cost, accepted, np.maximum(remaining, 0)))
        rows = zip(
            answer.warehouse.tolist(), answer.over_capacity.tolist(), strict=True
        )
        return [
            standard
            if at < 0
            else WarehouseRoute(
                self.warehouses[at].warehouse_id,
                int(distance[row, at]),
                int(cost[row, at]),
                over,
            )
            for row, (at, over) in enumerate(rows)
        ]

    def stated(self, choice: InboundChoice, row: int) -> WarehouseRoute:
        """Return one row of a choice as a route."""
        at = int(choice.warehouse[row])
        return WarehouseRoute(
            self.warehouses[at].warehouse_id if at >= 0 else WarehouseId(""),
            int(choice.distance_m[row]),
            int(choice.cost_micros[row]),
        )

    def _inbound(self, places: Places) -> tuple[IntArray, IntArray]:
        distance = self._distance(places)
        cost = trip_micros(
            distance,
            self._terms("inbound_base_micros")[None, :],
            self._terms("inbound_per_km_micros")[None, :],
        )
        return distance, cost + self._terms("processing_micros")[None, :]

    def _distance(self, places: Places) -> IntArray:
        return distance_table_m(places.lat, places.lng, self._lat, self._lng)

    def _terms(self, name: str) -> IntArray:
        return np.array([getattr(w, name) for w in self.warehouses], np.int64)

    def _accepted(self, categories: Sequence[str]) -> BoolArray:
        # Few categories, many items: one row of the table per category.
        codes: dict[str, int] = {}
        index = [codes.setdefault(category, len(codes)) for category in categories]
        masks = np.array([self._mask(category) for category in codes], np.bool_)
        return masks.reshape(len(codes), len(self.warehouses))[index]

    def _mask(self, category: str) -> list[bool]:
        return [not w.categories or category in w.categories for w in self.warehouses]

    def _parts(self, count: int) -> Iterator[tuple[int, int]]:
        step = max(1, _TABLE_CELLS // max(1, len(self.warehouses)))
        for start in range(0, count, step):
            yield start, min(count, start + step)
