"""The nearest few drop-off points."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.ids import DropOffPointId
from matcher.domain.latlng import LatLng
from matcher.explain.drop_off import NEAR_COUNT_MAX, NEAR_M, nearest_points
from tests.scenarios import at
from tests.unit.engine.naive_market import metres

_PLACES = st.sampled_from(
    [at(0), at(1_000), at(1_000), at(-1_000), at(20_000), at(NEAR_M), at(26_000)]
) | st.builds(LatLng, st.floats(-90, 90), st.floats(-180, 180))


@given(_PLACES, st.lists(_PLACES, max_size=12), st.randoms())
def test_nearest_first_and_ties_by_id(
    home: LatLng, places: list[LatLng], rng: object
) -> None:
    """Against a sort of all, whatever the order and wherever on Earth (R48)."""
    points = [
        DropOffPoint(DropOffPointId(f"p{n:02}"), place, "Kiosk")
        for n, place in enumerate(places)
    ]
    expected = sorted(
        (metres(home, each.location), each.drop_off_point_id)
        for each in points
        if metres(home, each.location) <= NEAR_M
    )[:NEAR_COUNT_MAX]
    rng.shuffle(points)  # type: ignore[attr-defined]
    found = nearest_points(home, points)
    assert [(n.distance_m, n.point.drop_off_point_id) for n in found] == expected
