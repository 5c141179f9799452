"""Values by the column are those that the constructor makes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict

import pytest

from matcher.domain.demand import DemandState
from matcher.domain.latlng import LatLng
from matcher.domain.made_by_column import made_by_column
from matcher.engine.records import DemandRecord
from tests.scenarios import NOW_US, demand


def test_made_as_by_the_constructor() -> None:
    """Equal, of the same hash, and as fixed: columns first, then what all share."""
    lat, lng = [1.0, 2.0, -0.5], [3.0, 4.0, 180.0]
    made = made_by_column(LatLng, 3, lat, iter(lng))
    assert made == [*map(LatLng, lat, lng)]
    assert [*map(hash, made)] == [*map(hash, map(LatLng, lat, lng))]
    with pytest.raises(FrozenInstanceError):
        made[0].lat = 5.0  # type: ignore[misc]


def test_what_all_share_goes_by_name() -> None:
    """In any order; a field with a default is named as well."""
    demands = [demand("d1"), demand("d2")]
    values = asdict(DemandRecord(demands[0], DemandState.OPEN, 0, 0, 1, NOW_US, 9))
    del values["demand"]
    made = made_by_column(
        DemandRecord,
        2,
        demands,
        **{**values, "state": DemandState.OPEN, "held_count": 0},
    )
    assert made == [
        DemandRecord(each, DemandState.OPEN, 0, 0, 1, NOW_US, 9) for each in demands
    ]


def test_none_of_them() -> None:
    """No value, whatever the columns."""
    assert made_by_column(LatLng, 0, [], []) == []


def test_a_field_without_values_is_our_own_bug() -> None:
    """Left out by name, or given by a column that ends before the others."""
    with pytest.raises(KeyError, match="lng"):
        made_by_column(LatLng, 1, [1.0])
    with pytest.raises(AssertionError, match="few lng"):
        made_by_column(LatLng, 2, [1.0, 2.0], [1.0])
