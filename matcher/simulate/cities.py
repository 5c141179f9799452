"""Cities of the world, from the package's own data file."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from matcher.domain.errors import InvalidValueError
from matcher.domain.latlng import LatLng


class City(NamedTuple):
    """A city: name, ISO 3166-1 alpha-2 country, centre in degrees, people."""

    name: str
    country: str
    lat: float
    lng: float
    population: int


@dataclass(frozen=True, slots=True)
class Region:
    """
    A box of degrees, edges included.

    ``west`` above ``east`` means that the box crosses the antimeridian.
    """

    south: float
    west: float
    north: float
    east: float

    def __post_init__(self) -> None:
        for lat, lng in ((self.south, self.west), (self.north, self.east)):
            LatLng(lat, lng)
        if self.south > self.north:
            raise InvalidValueError("region.south", self.south, "at most its north")

    def holds(self, city: City) -> bool:
        """Tell whether the centre of a city lies inside."""
        if not self.south <= city.lat <= self.north:
            return False
        if self.west <= self.east:
            return self.west <= city.lng <= self.east
        return city.lng >= self.west or city.lng <= self.east


@cache
def all_cities() -> tuple[City, ...]:
    """
    Return the cities of the package's data file, most populous first.

    Places of 15,000 people and more, GeoNames, CC BY 4.0; the file's own README
    says how it was made. Read once in a process.
    """
    packed = files("matcher.simulate").joinpath("data", "cities.csv.gz").read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").splitlines()
    return tuple(
        City(
            row["name"],
            row["country"],
            float(row["lat"]),
            float(row["lng"]),
            int(row["population"]),
        )
        for row in csv.DictReader(lines)
    )


def largest_cities(country: str, region: Region | None, count: int) -> tuple[City, ...]:
    """
    Return the most populous cities of a country and region.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-2 code; empty for the whole world.
    region
        Box that their centres lie in, or ``None``.
    count
        How many at most; fewer where there are fewer.

    Raises
    ------
    InvalidValueError
        If there is none.
    """
    found: list[City] = []
    for city in all_cities():
        if country not in {"", city.country}:
            continue
        if region is None or region.holds(city):
            found.append(city)
            if len(found) == count:
                break
    if not found:
        raise InvalidValueError(
            "country and region",
            (country, region),
            "a country code and a box of degrees that hold a city of 15,000 or more",
        )
    return tuple(found)
