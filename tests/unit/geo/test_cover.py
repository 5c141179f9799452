"""Covers: the bound that they stand on, their shape, and their limits."""

from __future__ import annotations

import math

import h3.api.basic_int as h3
import numpy as np
import pytest

from matcher.domain.errors import InvalidValueError, LimitExceededError
from matcher.geo import cover, distance_m, latlng_to_cells, reach_m, unit_vectors
from matcher.geo.cover import COVER_RESOLUTION_MAX
from tests.oracle.naive_neighbours import Place, great_circle_m, moved

RESOLUTIONS = range(COVER_RESOLUTION_MAX + 1)
# A face of H3's icosahedron is centred here: its cells are stretched least.
FACE_CENTRE = (math.degrees(0.803582649718989942), math.degrees(1.248397419617396099))


def farthest_corner_m(cell: int) -> float:
    """Measure from a cell's centre to its farthest corner."""
    centre = h3.cell_to_latlng(cell)
    return max(great_circle_m(centre, corner) for corner in h3.cell_to_boundary(cell))


@pytest.mark.parametrize("resolution", [0, 1, 2])
def test_no_cell_reaches_farther_than_the_bound(resolution: int) -> None:
    """Every cell there is at resolutions 0 to 2, its corners being farthest."""
    coarse = h3.get_res0_cells()
    cells = [c for each in coarse for c in h3.cell_to_children(each, resolution)]
    assert len(cells) == 2 + 120 * 7**resolution
    assert max(map(farthest_corner_m, cells)) <= reach_m(resolution)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_places_are_in_reach_of_their_cells_centre(resolution: int) -> None:
    """500 places of the globe and the corners of cells at a face's centre, seed 5."""
    rng = np.random.default_rng(5)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, 500)))
    lng = rng.uniform(-180, 180, 500)
    corners = h3.cell_to_boundary(h3.latlng_to_cell(*FACE_CENTRE, resolution))
    places = [*zip(lat.tolist(), lng.tolist(), strict=True), *corners]
    for place in places:
        centre = h3.cell_to_latlng(h3.latlng_to_cell(*place, resolution))
        assert great_circle_m(place, centre) <= reach_m(resolution)


@pytest.mark.parametrize("resolution", range(3, 10))
def test_the_bound_is_sharp(resolution: int) -> None:
    """A cell at a face's centre comes within 1 % of it: a lesser bound is wrong."""
    cell = h3.latlng_to_cell(*FACE_CENTRE, resolution)
    assert farthest_corner_m(cell) >= 0.99 * reach_m(resolution)


def beyond(start: Place, through: Place, share: float) -> Place:
    """Go from a start through a place; share 1 is there, 2 is as far again."""
    a, b = unit_vectors(*zip(start, through, strict=True))
    angle = math.acos(float(a @ b))
    x, y, z = math.sin((1 - share) * angle) * a + math.sin(share * angle) * b
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))


@pytest.mark.parametrize("resolution", range(3, 10))
def test_a_cell_met_corner_to_corner_is_covered(resolution: int) -> None:
    """
    The proof's worst case: both reaches count whole, and the cover needs them.

    Behind each corner of a cell at a face's centre, as far again, is the corner of
    another that points back; a radius of one reach, 3 % more, just enters it.
    """
    cell = h3.latlng_to_cell(*FACE_CENTRE, resolution)
    centre = h3.cell_to_latlng(cell)
    for corner in h3.cell_to_boundary(cell):
        near, far = beyond(centre, corner, 0.99), beyond(centre, corner, 2.02)
        radius_m = int(distance_m(*near, *far))
        there = h3.latlng_to_cell(*far, resolution)
        assert h3.latlng_to_cell(*near, resolution) == cell
        gap_m = great_circle_m(centre, h3.cell_to_latlng(there))
        assert gap_m > radius_m + 1.9 * farthest_corner_m(cell)
        assert there in cover(cell, radius_m).tolist()


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_pentagons_are_covered_around(resolution: int) -> None:
    """
    From every corner of all 12 pentagons, the radius is covered in all directions.

    The radius is 2.5 reaches, so that covers pass several rings; a grid disk of one
    ring has 6 cells there instead of 7.
    """
    radius_m = min(int(2.5 * reach_m(resolution)), 3_000_000)
    for pentagon in h3.get_pentagons(resolution):
        assert len(h3.grid_disk(pentagon, 1)) == 6
        covered = set(cover(pentagon, radius_m).tolist())
        places = [
            moved(corner, bearing, share * (radius_m + 0.49))
            for corner in h3.cell_to_boundary(pentagon)
            for bearing in range(0, 360, 30)
            for share in (0.5, 1.0)
        ]
        lat, lng = zip(*places, strict=True)
        assert covered.issuperset(latlng_to_cells(lat, lng, resolution).tolist())


@pytest.mark.parametrize(
    "place", [(90.0, 0.0), (-90.0, 0.0), (0.0, 180.0), (48.0, 2.0)]
)
@pytest.mark.parametrize(
    ("resolution", "radius_m"), [(3, 500_000), (5, 45_000), (7, 6_000), (9, 0)]
)
def test_covers_are_sorted_and_not_wasteful(
    place: tuple[float, float], resolution: int, radius_m: int
) -> None:
    """Cells ascend, the cell itself is among them, and none is out of reach."""
    cell = h3.latlng_to_cell(*place, resolution)
    cells = cover(cell, radius_m)
    assert cells.dtype == np.uint64
    assert (np.diff(cells.astype(np.int64)) > 0).all()
    assert cell in cells.tolist()
    centre = h3.cell_to_latlng(cell)
    far = max(great_circle_m(centre, h3.cell_to_latlng(c)) for c in cells.tolist())
    assert far <= radius_m + 2 * reach_m(resolution) + 3


def test_a_cover_may_be_the_globe() -> None:
    """A radius of half the circumference takes in all 122 cells of resolution 0."""
    cells = cover(h3.latlng_to_cell(10.0, 10.0, 0), 20_015_115)
    assert sorted(h3.get_res0_cells()) == cells.tolist()


@pytest.mark.parametrize("cell", [0, 1, h3.latlng_to_cell(1.0, 2.0, 10)])
def test_what_is_no_cell_has_no_cover(cell: int) -> None:
    """No cell, and a cell one finer than is covered, are refused."""
    with pytest.raises(InvalidValueError, match="cell"):
        cover(cell, 100)


def test_a_radius_is_not_negative() -> None:
    """One below 0 is refused by name."""
    with pytest.raises(InvalidValueError, match="radius_m"):
        cover(h3.latlng_to_cell(1.0, 2.0, 7), -1)


def test_a_disk_has_its_limit() -> None:
    """Millions of small cells for a large radius are refused, not gathered."""
    with pytest.raises(LimitExceededError, match="rings"):
        cover(h3.latlng_to_cell(1.0, 2.0, 9), 500_000)
