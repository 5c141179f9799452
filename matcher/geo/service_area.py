"""Regions in which a tenant's programme runs, as GeoJSON polygons (RFC 7946)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.errors import ShapelyError
from shapely.geometry import MultiPolygon, Polygon, shape

from matcher.domain.errors import InvalidValueError
from matcher.domain.warehouse import ServiceArea
from matcher.geo.sphere import checked_places

GEOJSON_BYTES_MAX = 1 << 20
VERTEX_COUNT_MAX = 10_000

_OUTSIDE = -1

# Lists in lists of a MultiPolygon: polygons, rings, positions, numbers.
_DEPTH_MAX = 5

_ACCEPTED = "a GeoJSON Polygon or MultiPolygon, or a Feature with one"


class ServiceAreas:
    """
    The areas of a tenant, prepared for many look-ups.

    Without any area, everywhere is served.
    """

    def __init__(self, shapes: Sequence[MultiPolygon | Polygon]) -> None:
        self._shapes = tuple(shapes)
        for each in self._shapes:
            shapely.prepare(each)

    @classmethod
    def of(cls, areas: Iterable[ServiceArea]) -> ServiceAreas:
        """
        Prepare areas; they count in the order of their ids.

        Raises
        ------
        InvalidValueError
            If an area's GeoJSON cannot be used.
        """
        ordered = sorted(areas, key=lambda area: area.service_area_id)
        return cls([_parsed(area.geojson) for area in ordered])

    @property
    def everywhere(self) -> bool:
        """Whether there is no area, so that every place is served."""
        return not self._shapes

    def contains(self, lat: ArrayLike, lng: ArrayLike) -> NDArray[np.int32]:
        """
        Find the area of each place.

        Parameters
        ----------
        lat, lng
            Degrees, ``(n,)`` each.

        Returns
        -------
        numpy.ndarray
            ``int32 (n,)``: the position of the first area that holds the place, its
            boundary included, ``-1`` if none does; 0 if everywhere is served.

        Notes
        -----
        One vectorised test per area on a prepared geometry, over the places that no
        earlier one holds. The meridian of 180 degrees belongs to what touches it
        from either side, and a pole to an area that reaches it.
        """
        lats, lngs = checked_places(lat, lng)
        if self.everywhere:
            return np.zeros(len(lats), np.int32)
        found = np.full(len(lats), _OUTSIDE, np.int32)
        for index, area in enumerate(self._shapes):
            open_rows = np.nonzero(found == _OUTSIDE)[0]
            if not len(open_rows):
                break
            inside = _intersects(area, lats[open_rows], lngs[open_rows])
            found[open_rows[inside]] = index
        return found


def check_service_area(area: ServiceArea) -> None:
    """
    Check an area before it is stored.

    Parameters
    ----------
    area
        Its text is a Polygon or MultiPolygon, or a Feature with one, of at most
        10,000 vertices and 1 MiB, with finite coordinates in range, rings that do
        not cross themselves, and polygons at most 180 degrees wide. A ring that is
        not closed is closed.

    Raises
    ------
    InvalidValueError
        If it is not; ``field`` is ``geojson``.
    """
    _parsed(area.geojson)


def _intersects(
    area: MultiPolygon | Polygon, lat: NDArray[np.float64], lng: NDArray[np.float64]
) -> NDArray[np.bool_]:
    inside = shapely.intersects_xy(area, lng, lat)
    on_meridian = np.nonzero(~inside & (np.abs(lng) == 180.0))[0]
    inside[on_meridian] = shapely.intersects_xy(
        area, -lng[on_meridian], lat[on_meridian]
    )
    # A pole is one place: whoever reaches its parallel reaches it.
    for pole in (-90.0, 90.0):
        at_pole = np.nonzero(~inside & (lat == pole))[0]
        if len(at_pole):
            parallel = shapely.linestrings([[-180.0, pole], [180.0, pole]])
            inside[at_pole] = bool(shapely.intersects(area, parallel))
    return inside


def _parsed(geojson: str) -> MultiPolygon | Polygon:
    size = len(geojson.encode("utf-8", "surrogatepass"))
    if size > GEOJSON_BYTES_MAX:
        raise InvalidValueError(
            "geojson", f"{size} bytes", f"at most {GEOJSON_BYTES_MAX} bytes"
        )
    # A number of 400 digits is legal JSON and no coordinate.
    try:
        document = json.loads(geojson, parse_int=float)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError("geojson", geojson[:40], f"JSON ({error})") from error
    geometry = document
    if isinstance(document, dict) and document.get("type") == "Feature":
        geometry = document.get("geometry")
    if not isinstance(geometry, dict) or geometry.get("type") not in (
        "Polygon",
        "MultiPolygon",
    ):
        raise InvalidValueError("geojson", geojson[:40], _ACCEPTED)
    _check_numbers(geometry.get("coordinates"), geojson)
    try:
        with np.errstate(invalid="ignore"):
            area = shape(geometry)
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError) as error:
        raise InvalidValueError("geojson", geojson[:40], _ACCEPTED) from error
    assert isinstance(area, MultiPolygon | Polygon)
    _check_geometry(area)
    return area


def _check_numbers(coordinates: object, geojson: str) -> None:
    # Shapely would take "1" and true for numbers, and climb into any depth.
    level = [coordinates]
    for _ in range(_DEPTH_MAX):
        if any(not isinstance(each, list | float) for each in level):
            raise InvalidValueError("geojson", geojson[:40], _ACCEPTED)
        level = [inner for each in level if isinstance(each, list) for inner in each]
    if level:
        raise InvalidValueError("geojson", geojson[:40], _ACCEPTED)


def _check_geometry(area: MultiPolygon | Polygon) -> None:
    count = int(shapely.get_num_coordinates(area))
    if area.is_empty or count > VERTEX_COUNT_MAX:
        raise InvalidValueError(
            "geojson", f"{count} vertices", f"1 to {VERTEX_COUNT_MAX} vertices"
        )
    coordinates = shapely.get_coordinates(area)
    outside = ~(
        (np.abs(coordinates[:, 0]) <= 180.0) & (np.abs(coordinates[:, 1]) <= 90.0)
    )
    if outside.any():
        lng, lat = coordinates[np.nonzero(outside)[0][0]].tolist()
        raise InvalidValueError(
            "geojson",
            f"[{lng}, {lat}]",
            "[longitude, latitude], finite, -180 to 180 and -90 to 90",
        )
    for part in getattr(area, "geoms", [area]):
        low, _, high, _ = part.bounds
        if high - low > 180.0:
            raise InvalidValueError(
                "geojson",
                f"a polygon {high - low} degrees wide",
                "at most 180 degrees of longitude: what crosses the antimeridian is "
                "cut there in two (RFC 7946, section 3.1.9), and what is wider "
                "anywhere else",
            )
    if not area.is_valid:
        why = shapely.is_valid_reason(area)
        raise InvalidValueError("geojson", why, "rings that do not cross themselves")
