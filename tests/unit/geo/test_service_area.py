"""Service areas: which place is in which, and which GeoJSON is refused."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import ServiceAreaId
from matcher.domain.warehouse import ServiceArea
from matcher.geo import ServiceAreas, check_service_area
from matcher.geo.service_area import GEOJSON_BYTES_MAX, VERTEX_COUNT_MAX

Ring = list[list[float]]


def box(west: float, south: float, east: float, north: float) -> Ring:
    """Draw a rectangle, closed, counter-clockwise."""
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def polygon(*rings: Any) -> str:
    """Write a Polygon: its outline, then its holes."""
    return json.dumps({"type": "Polygon", "coordinates": rings})


def multi(*polygons: Any) -> str:
    """Write a MultiPolygon of lists of rings."""
    return json.dumps({"type": "MultiPolygon", "coordinates": polygons})


def areas(**geojson: str) -> ServiceAreas:
    """Prepare areas by id."""
    return ServiceAreas.of(
        [ServiceArea(ServiceAreaId(each), text) for each, text in geojson.items()]
    )


def test_without_areas_everywhere_is_served() -> None:
    """No area restricts nothing: poles and the antimeridian are in "area" 0."""
    none = areas()
    assert none.everywhere
    found = none.contains([90.0, 0.0], [0.0, 180.0])
    assert found.dtype == np.int32
    assert found.tolist() == [0, 0]


def test_inside_boundary_hole_and_outside() -> None:
    """A box with a hole: its edges and corners count as inside, the hole does not."""
    area = areas(a=polygon(box(0, 0, 10, 10), box(4, 4, 6, 6)))
    assert not area.everywhere
    lat = [5.0, 0.0, 10.0, 5.0, 4.0, 5.0, 10.001]
    lng = [2.0, 5.0, 10.0, 5.0, 5.0, 10.001, 5.0]
    assert area.contains(lat, lng).tolist() == [0, 0, 0, -1, 0, -1, -1]


def test_latitude_comes_first_in_calls_and_second_in_geojson() -> None:
    """A box at 20 to 30 east, 0 to 5 north holds (2, 25) and not (25, 2)."""
    area = areas(a=polygon(box(20, 0, 30, 5)))
    assert area.contains([2.0, 25.0], [25.0, 2.0]).tolist() == [0, -1]


def test_the_first_by_id_wins() -> None:
    """Where areas overlap the lowest id counts, however they were handed over."""
    left, right = polygon(box(0, 0, 10, 10)), polygon(box(5, 0, 15, 10))
    lat, lng = [5.0, 5.0, 5.0, 5.0], [2.0, 7.0, 12.0, 20.0]
    for given in ({"a": left, "b": right}, {"b": right, "a": left}):
        assert areas(**given).contains(lat, lng).tolist() == [0, 0, 1, -1]
    swapped = areas(b=left, a=right).contains(lat, lng)
    assert swapped.tolist() == [1, 0, 0, -1]


def test_a_feature_and_altitudes_are_understood() -> None:
    """A Feature counts as its geometry, and a third number of a position as none."""
    ring = [[*position, 12.5] for position in box(0, 0, 1, 1)]
    feature = json.dumps(
        {
            "type": "Feature",
            "properties": {"name": "centre"},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
    )
    assert areas(a=feature).contains([0.5, 2.0], [0.5, 0.5]).tolist() == [0, -1]


def test_antimeridian_belongs_to_both_sides() -> None:
    """A place on it is in a box that touches it from the east or from the west."""
    lat, lng = [0.0, 0.0, 0.0, 0.0], [180.0, -180.0, 179.0, -179.0]
    east = areas(a=polygon(box(170, -5, 180, 5)))
    assert east.contains(lat, lng).tolist() == [0, 0, 0, -1]
    west = areas(a=polygon(box(-180, -5, -170, 5)))
    assert west.contains(lat, lng).tolist() == [0, 0, -1, 0]
    both = areas(a=multi([box(170, -5, 180, 5)], [box(-180, -5, -170, 5)]))
    assert both.contains(lat, lng).tolist() == [0, 0, 0, 0]
    assert both.contains([6.0], [180.0]).tolist() == [-1]


def test_a_pole_belongs_to_whatever_reaches_it() -> None:
    """Any longitude names the pole; an area that ends at 89.9 does not hold it."""
    lat, lng = [90.0, 90.0, 90.0, -90.0, 89.95], [5.0, -120.0, 180.0, 5.0, -120.0]
    cap = areas(a=polygon(box(0, 80, 10, 90)))
    assert cap.contains(lat, lng).tolist() == [0, 0, 0, -1, -1]
    short = areas(a=polygon(box(0, 80, 10, 89.9)))
    assert short.contains(lat, lng).tolist() == [-1] * 5
    south = areas(a=polygon(box(100, -90, 110, -60)))
    assert south.contains(lat, lng).tolist() == [-1, -1, -1, 0, -1]


def crossings(ring: Ring, lat: float, lng: float) -> int:
    """Count the edges that a ray to the east passes."""
    count = 0
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > lat) != (y2 > lat):
            count += lng < x1 + (lat - y1) / (y2 - y1) * (x2 - x1)
    return count


def test_containment_agrees_with_a_ray() -> None:
    """5,000 places against a star of 60 corners, by counting edges; seed 6."""
    rng = np.random.default_rng(6)
    angle = np.linspace(0.0, 2 * math.pi, 61)[:-1]
    size = rng.uniform(3.0, 20.0, 60)
    ring = np.stack([30 + size * np.cos(angle), 40 + size * np.sin(angle)], 1).tolist()
    ring.append(ring[0])
    lat, lng = rng.uniform(15, 65, 5000), rng.uniform(5, 55, 5000)
    found = areas(star=polygon(ring)).contains(lat, lng)
    naive = [
        crossings(ring, *place) % 2 - 1
        for place in zip(lat.tolist(), lng.tolist(), strict=True)
    ]
    assert found.tolist() == naive
    assert 500 < naive.count(0) < 4500


def test_no_places_are_in_no_area() -> None:
    """Empty in, empty out."""
    found = areas(a=polygon(box(0, 0, 1, 1))).contains([], [])
    assert found.shape == (0,)
    assert found.dtype == np.int32


@pytest.mark.parametrize(("lat", "lng"), [(91.0, 0.0), (0.0, 540.0), (math.nan, 0.0)])
def test_impossible_places_are_refused(lat: float, lng: float) -> None:
    """With areas and without, a place has to exist."""
    for each in (areas(), areas(a=polygon(box(0, 0, 1, 1)))):
        with pytest.raises(InvalidValueError):
            each.contains([lat], [lng])


REFUSED = {
    "nothing": "",
    "half": '{"type": "Polygon", "coordinates": [[[0, 0]',
    "null": "null",
    "list": "[]",
    "number": "7",
    "no type": "{}",
    "point": '{"type": "Point", "coordinates": [0, 0]}',
    "collection": '{"type": "FeatureCollection", "features": []}',
    "listed type": '{"type": ["Polygon"], "coordinates": []}',
    "bare feature": '{"type": "Feature"}',
    "feature of null": '{"type": "Feature", "geometry": null}',
    "feature in feature": '{"type": "Feature", "geometry": {"type": "Feature"}}',
    "no coordinates": '{"type": "Polygon"}',
    "coordinates of null": '{"type": "Polygon", "coordinates": null}',
    "number for a ring": '{"type": "Polygon", "coordinates": 5}',
    "object for a ring": '{"type": "Polygon", "coordinates": [{"a": 1}]}',
    "text for a ring": '{"type": "Polygon", "coordinates": ["abc"]}',
    "text for numbers": polygon([["0", "0"], ["1", "0"], ["1", "1"], ["0", "0"]]),
    "true for a number": polygon([[True, 0], [1, 0], [1, 1], [0, 0]]),
    "one number": polygon([[1]]),
    "no ring": polygon(),
    "empty ring": polygon([]),
    "two corners": polygon([[0, 0], [1, 1]]),
    "line": polygon([[0, 0], [1, 0], [2, 0], [0, 0]]),
    "one point": polygon([[0, 0], [0, 0], [0, 0], [0, 0]]),
    "bow tie": polygon([[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]),
    "hole outside": polygon(box(0, 0, 1, 1), box(2, 2, 3, 3)),
    "doubled polygon": multi([box(0, 0, 1, 1)], [box(0, 0, 1, 1)]),
    "no polygons": multi(),
    "empty polygon": multi([]),
    "polygon for many": '{"type": "MultiPolygon", "coordinates": [[[0, 0], [1, 1]]]}',
    "NaN": polygon([[0, 0], [1, 0], [1, math.nan], [0, 0]]),
    "infinite": polygon([[0, 0], [1, 0], [math.inf, 1], [0, 0]]),
    "1e999": polygon(box(0, 0, 1, 1)).replace("1", "1e999"),
    "400 digits": polygon(box(0, 0, 1, 1)).replace("1", "1" + "0" * 400),
    "5000 digits": polygon(box(0, 0, 1, 1)).replace("1", "1" + "0" * 5000),
    "latitude 91": polygon(box(0, 0, 1, 91)),
    "longitude 181": polygon(box(0, 0, 181, 1)),
    "lat before lng": polygon(box(0, 100, 1, 110)),
    "deep text": "[" * 100_000,
    "deep lists": '{"type": "Polygon", "coordinates": ' + "[" * 900 + "]" * 900 + "}",
    "surrogate": "\ud800",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_unusable_geojson_is_refused(text: str) -> None:
    """Whatever a caller sends: one error of ours, with field, value and range."""
    with pytest.raises(InvalidValueError) as caught:
        check_service_area(ServiceArea(ServiceAreaId("a"), text))
    violation = caught.value.violations[0]
    assert violation.field == "geojson"
    assert violation.accepted
    assert len(violation.value) <= 80


@pytest.mark.parametrize(
    "text",
    [
        polygon(box(-90.1, 0, 90, 1)),
        polygon(box(179, 0, -179, 1)),
        polygon([[170, 0], [180, 5], [-180, 10], [-170, 5], [170, 0]]),
        polygon(box(-180, -90, 180, 90)),
        multi([box(0, 0, 1, 1)], [box(-100, 10, 81, 20)]),
    ],
)
def test_what_is_wider_than_half_the_globe_is_refused_with_advice(text: str) -> None:
    """
    Such a ring is nearly always one across the antimeridian that was not cut.

    The third is closed by edges the long way round: it would serve the whole world
    but what was meant. Just 180 degrees pass, see below.
    """
    with pytest.raises(InvalidValueError, match=r"cut there in two \(RFC 7946"):
        check_service_area(ServiceArea(ServiceAreaId("a"), text))


def test_half_the_globe_is_not_too_wide() -> None:
    """Exactly 180 degrees pass, and two such areas make up the globe."""
    globe = areas(a=polygon(box(-180, -90, 0, 90)), b=polygon(box(0, -90, 180, 90)))
    found = globe.contains([0.0, 0.0, 0.0, 90.0, 0.0], [-90.0, 90.0, 180.0, 7.0, 0.0])
    assert found.tolist() == [0, 1, 0, 0, 0]


def circle(count: int) -> Ring:
    """Draw a ring of so many positions, the last being the first."""
    angle = np.linspace(0.0, 2 * math.pi, count)[:-1]
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1).tolist()
    return [*ring, ring[0]]


def test_vertices_are_limited() -> None:
    """10,000 positions pass, one more does not."""
    most = polygon(circle(VERTEX_COUNT_MAX))
    assert areas(a=most).contains([0.0], [0.0]).tolist() == [0]
    with pytest.raises(InvalidValueError, match="10001 vertices"):
        areas(a=polygon(circle(VERTEX_COUNT_MAX + 1)))


def test_text_is_limited_in_bytes() -> None:
    """1 MiB passes; one space more does not, nor does a last letter of two bytes."""
    text = polygon(box(0, 0, 1, 1))
    room = GEOJSON_BYTES_MAX - len(text)
    check_service_area(ServiceArea(ServiceAreaId("a"), text + " " * room))
    for tail in (" " * (room + 1), " " * (room - 1) + "é"):
        with pytest.raises(InvalidValueError, match="1048577 bytes"):
            check_service_area(ServiceArea(ServiceAreaId("a"), text + tail))


def test_an_open_ring_is_closed() -> None:
    """A ring whose last position is not its first means the same as with it."""
    area = areas(a=polygon(box(0, 0, 1, 1)[:-1]))
    assert area.contains([0.5, 0.9], [0.5, 0.01]).tolist() == [0, 0]
