"""A cover leaves nothing out, wherever, at whatever resolution and radius."""

from __future__ import annotations

import h3.api.basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.geo import cover, distance_m, latlng_to_cells, reach_m
from matcher.geo.cover import COVER_RESOLUTION_MAX
from tests.oracle.naive_neighbours import Place, moved

EXAMPLES = 150

latitudes = st.floats(-90.0, 90.0) | st.sampled_from([-90.0, 90.0, 0.0, -0.0])
longitudes = st.floats(-180.0, 180.0) | st.sampled_from([-180.0, 180.0, 0.0])
PENTAGONS = [
    (lat, lng) for lat, lng in map(h3.cell_to_latlng, sorted(h3.get_pentagons(9)))
]
places = (
    st.tuples(latitudes, longitudes)
    # Of resolution 9: from there H3's distortion is seen at every resolution.
    | st.sampled_from(PENTAGONS)
    | st.builds(
        moved, st.sampled_from(PENTAGONS), st.floats(0, 360), st.floats(0, 500_000)
    )
)


@st.composite
def discs(draw: st.DrawFn) -> tuple[Place, int, int]:
    """Draw a place, a resolution, and a radius of up to about eight rings."""
    resolution = draw(st.integers(0, COVER_RESOLUTION_MAX))
    largest = min(500_000, int(12 * reach_m(resolution)))
    radius_m = draw(st.integers(0, largest) | st.sampled_from([0, 1, largest]))
    return draw(places), resolution, radius_m


@settings(max_examples=EXAMPLES)
@given(discs(), st.lists(st.tuples(st.floats(0, 360), st.floats(0, 1)), max_size=20))
def test_every_place_of_the_disc_is_covered(
    disc: tuple[Place, int, int], polar: list[tuple[float, float]]
) -> None:
    """Places at any bearing, up to the last that rounds into the radius, are in it."""
    centre, resolution, radius_m = disc
    cell = int(latlng_to_cells([centre[0]], [centre[1]], resolution)[0])
    covered = set(cover(cell, radius_m).tolist())
    edge = [(float(bearing), 1.0) for bearing in range(0, 360, 15)]
    for bearing, share in polar + edge:
        lat, lng = moved(centre, bearing, share * (radius_m + 0.499))
        if distance_m(*centre, lat, lng) <= radius_m:
            assert int(latlng_to_cells([lat], [lng], resolution)[0]) in covered


@settings(max_examples=EXAMPLES)
@given(discs(), st.floats(0, 360), st.floats(0, 360), st.floats(0, 1))
def test_the_disc_of_any_place_of_the_cell_is_covered(
    disc: tuple[Place, int, int], first: float, second: float, share: float
) -> None:
    """Covers are shared by all queries from a cell, so they hold from its edge too."""
    centre, resolution, radius_m = disc
    cell = h3.latlng_to_cell(*centre, resolution)
    place = moved(h3.cell_to_latlng(cell), first, share * reach_m(resolution))
    if h3.latlng_to_cell(*place, resolution) == cell:
        far = moved(place, second, radius_m + 0.499)
        covered = cover(cell, radius_m).tolist()
        assert h3.latlng_to_cell(*far, resolution) in covered
