"""Cells of places: H3's own, for places that exist."""

from __future__ import annotations

import math

import h3
import numpy as np
import pytest

from matcher.domain.errors import InvalidProblemError, InvalidValueError
from matcher.geo import latlng_to_cells


@pytest.mark.parametrize("resolution", range(16))
def test_cells_are_those_of_h3(resolution: int) -> None:
    """Every resolution, against H3's calls on hexadecimal text, seed 4."""
    rng = np.random.default_rng(4)
    lat = np.append(rng.uniform(-90, 90, 50), [90.0, -90.0, 0.0])
    lng = np.append(rng.uniform(-180, 180, 50), [5.0, 180.0, -180.0])
    cells = latlng_to_cells(lat, lng, resolution)
    assert cells.dtype == np.uint64
    places = zip(lat.tolist(), lng.tolist(), strict=True)
    texts = [h3.latlng_to_cell(*place, resolution) for place in places]
    assert [h3.int_to_str(int(cell)) for cell in cells] == texts


@pytest.mark.parametrize("resolution", [3, 5, 7, 9])
def test_one_place_has_one_cell(resolution: int) -> None:
    """A pole has one cell whatever its longitude, and so has the antimeridian."""
    lng = np.linspace(-180.0, 180.0, 41)
    for pole in (-90.0, 90.0):
        assert len(set(latlng_to_cells(np.full(41, pole), lng, resolution))) == 1
    lat = np.linspace(-80.0, 80.0, 41)
    east = latlng_to_cells(lat, np.full(41, 180.0), resolution)
    assert (latlng_to_cells(lat, np.full(41, -180.0), resolution) == east).all()


def test_no_places_have_no_cells() -> None:
    """Empty in, empty out, of the right type."""
    cells = latlng_to_cells([], [], 7)
    assert cells.shape == (0,)
    assert cells.dtype == np.uint64


@pytest.mark.parametrize(
    ("lat", "lng", "field"),
    [
        (91.0, 0.0, "latitude[0]"),
        (0.0, 540.0, "longitude[0]"),
        (math.nan, 0.0, "latitude[0]"),
        (0.0, -math.inf, "longitude[0]"),
    ],
)
def test_impossible_places_have_no_cell(lat: float, lng: float, field: str) -> None:
    """H3 gives a cell for latitude 91 and longitude 540; we refuse by name."""
    with pytest.raises(InvalidValueError) as caught:
        latlng_to_cells([lat], [lng], 7)
    assert caught.value.violations[0].field == field


@pytest.mark.parametrize("resolution", [-1, 16])
def test_resolutions_end_at_fifteen(resolution: int) -> None:
    """One past either end is refused, even without places."""
    with pytest.raises(InvalidValueError, match="resolution"):
        latlng_to_cells([], [], resolution)


def test_lengths_must_agree() -> None:
    """A latitude without a longitude is no place."""
    with pytest.raises(InvalidProblemError, match="lng"):
        latlng_to_cells([1.0, 2.0], [1.0], 7)
