"""Where people of a scenario live: cities as discs, and postal points in them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from matcher.geo import EARTH_RADIUS_M
from matcher.simulate.cities import City
from matcher.simulate.draws import Draws, FloatArray, IntArray, whole_bounds

#: People per square kilometre of a city's disc, which makes its radius.
PEOPLE_PER_KM2 = 4_000
#: Square kilometres per postal point.
KM2_PER_POSTAL_POINT = 10.0

_KM_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180.0 / 1000.0
# Five decimals are about a metre: finer than an address, and coarse enough to hide
# that sines differ in their last bit between platforms.
_DECIMALS = 5


@dataclass(frozen=True, slots=True)
class Points:
    """Places, ``(n,)`` each: index of the city, degrees."""

    city: IntArray
    lat: FloatArray
    lng: FloatArray


class Terrain:
    """
    The discs of some cities and their postal points.

    Parameters
    ----------
    cities
        At least one; a place falls on each in proportion to its population.
    draws
        Places the postal points: evenly over each disc, one per 10 km2 and at
        least one per city.
    """

    def __init__(self, cities: tuple[City, ...], draws: Draws) -> None:
        self.cities = cities
        self.population = np.array([city.population for city in cities], np.int64)
        self._lat = np.array([city.lat for city in cities])
        self._lng = np.array([city.lng for city in cities])
        area_km2 = self.population / PEOPLE_PER_KM2
        self.area_km2 = float(area_km2.sum())
        self._radius_km = np.sqrt(area_km2 / math.pi)
        self._count = np.maximum(1, np.rint(area_km2 / KM2_PER_POSTAL_POINT)).astype(
            np.int64
        )
        self._first = np.cumsum(self._count) - self._count
        self._postal = self._scattered(
            draws, np.repeat(np.arange(len(cities)), self._count)
        )
        # Within a city, the r-th postal point is used in proportion to 1/sqrt(r).
        rank = np.arange(len(self._postal.city)) - self._first[self._postal.city] + 1
        self._bounds = whole_bounds(
            np.sqrt(1.0 / rank)
            * (self.population / self._rank_total())[self._postal.city]
        )

    def points(self, draws: Draws, count: int, clustering: float) -> Points:
        """
        Draw places where people live.

        Parameters
        ----------
        draws
            Five doubles per place.
        count
            How many.
        clustering
            Share of places that are a postal point; the rest is spread evenly over
            the city's disc.
        """
        ticks = np.floor(draws.uniform(count) * self._bounds[-1])
        at = np.searchsorted(self._bounds, ticks, side="right")
        postal = draws.chance(clustering, count)
        spread = self._scattered(draws, self._postal.city[at])
        return Points(
            self._postal.city[at],
            np.where(postal, self._postal.lat[at], spread.lat),
            np.where(postal, self._postal.lng[at], spread.lng),
        )

    def around(self, draws: Draws, city: IntArray, distance_km: float) -> Points:
        """Draw one place at a distance from the edge of each city's disc."""
        reach = self._radius_km[city] + distance_km
        return self._at(city, reach, draws.uniform(len(city)))

    def _scattered(self, draws: Draws, city: IntArray) -> Points:
        # The root makes equal areas equally likely.
        reach = self._radius_km[city] * np.sqrt(draws.uniform(len(city)))
        return self._at(city, reach, draws.uniform(len(city)))

    def _at(self, city: IntArray, reach_km: FloatArray, turn: FloatArray) -> Points:
        angle = turn * (2.0 * math.pi)
        lat = self._lat[city] + reach_km * np.cos(angle) / _KM_PER_DEGREE
        lat = np.clip(lat, -90.0, 90.0)
        # No city lies near enough to a pole for its cosine to vanish.
        width = _KM_PER_DEGREE * np.cos(np.radians(self._lat[city]))
        lng = self._lng[city] + reach_km * np.sin(angle) / width
        lng = (lng + 180.0) % 360.0 - 180.0
        # Adding zero turns -0.0 into 0.0, which a text file would not keep apart.
        return Points(
            city, np.round(lat, _DECIMALS) + 0.0, np.round(lng, _DECIMALS) + 0.0
        )

    def _rank_total(self) -> FloatArray:
        totals = np.cumsum(np.sqrt(1.0 / np.arange(1, int(self._count.max()) + 1)))
        return totals[self._count - 1]
