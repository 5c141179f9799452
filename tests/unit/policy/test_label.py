"""Prices of labels, against plain Python."""

from __future__ import annotations

import random
from fractions import Fraction
from math import floor

import numpy as np
import pytest

from matcher.domain.policy import CostModel, ZoneRate
from matcher.policy.label import LabelRates, trip_micros

_HALF_GLOBE_M = 20_037_509
_ZONES = (
    ZoneRate(10_000, 1_000, 3),
    ZoneRate(10_000, 5_000, 5),
    ZoneRate(50_000, 500, 7),
    ZoneRate(50_000, 5_000, 11),
)


def _trip(distance_m: int, base: int, per_km: int) -> int:
    found = trip_micros(*(np.array([each]) for each in (distance_m, base, per_km)))
    return int(found[0])


@pytest.mark.parametrize(
    ("distance_m", "per_km", "expected"),
    [
        (0, 999, 0),
        (499, 1, 0),
        (500, 1, 1),
        (1_499, 1, 1),
        (1_500, 1, 2),
        (1, 1_500, 2),
        # The product ends in 499 and is beyond 2**53: as a float it would round up.
        (18_665_699, 957_178_201, 17_866_400_189_227),
    ],
)
def test_a_trip_rounds_half_up(distance_m: int, per_km: int, expected: int) -> None:
    """Half a micro is a whole one; nothing is a fraction."""
    assert _trip(distance_m, 0, per_km) == expected
    assert _trip(distance_m, 10, per_km) == 10 + expected


def test_the_dearest_trip_fits() -> None:
    """Half the globe at the highest prices, computed with whole numbers of any size."""
    dearest = _trip(_HALF_GLOBE_M, 10**12, 10**9)
    assert dearest == 10**12 + (10**9 * _HALF_GLOBE_M + 500) // 1000
    assert 2 * dearest < 2**63


@pytest.mark.parametrize(
    ("distance_m", "grams", "expected"),
    [
        (0, 0, 3),
        (10_000, 1_000, 3),
        (10_000, 1_001, 5),
        (10_001, 500, 7),
        (10_001, 501, 11),
        (50_000, 5_000, 11),
        (50_001, 0, None),
        (0, 5_001, None),
    ],
)
def test_the_first_zone_that_holds_both_counts(
    distance_m: int, grams: int, expected: int | None
) -> None:
    """Bounds belong to their zone; outside every zone there is no label."""
    rates = LabelRates.of(CostModel(label_base_micros=99, zones=_ZONES))
    price, found = rates.price(np.array([distance_m]), np.array([grams]))
    assert bool(found[0]) is (expected is not None)
    assert int(price[0]) == (expected or 0)


def test_agrees_with_a_loop() -> None:
    """2,000 pairs of seed 5, half of them at a bound or one past it."""
    rng = random.Random(5)
    bounds = [0, 1, *(z.max_distance_m for z in _ZONES)]
    weights = [0, *(z.max_weight_grams for z in _ZONES)]
    pairs = [
        (
            rng.choice(bounds) + rng.randint(0, 1),
            rng.choice(weights) + rng.randint(0, 1),
        )
        for _ in range(1_000)
    ]
    pairs += [(rng.randint(0, 60_000), rng.randint(0, 6_000)) for _ in range(1_000)]
    rates = LabelRates.of(CostModel(zones=_ZONES))
    distance_m, grams = (np.array(each, np.int64) for each in zip(*pairs, strict=True))
    price, found = rates.price(distance_m, grams)
    assert list(zip(price.tolist(), found.tolist(), strict=True)) == [
        _slow_price(*pair, _ZONES) for pair in pairs
    ]


def _slow_price(
    distance_m: int, grams: int, zones: tuple[ZoneRate, ...]
) -> tuple[int, bool]:
    for zone in zones:
        if distance_m <= zone.max_distance_m and grams <= zone.max_weight_grams:
            return zone.price_micros, True
    return 0, False


@pytest.mark.parametrize("seed", range(8))
def test_drawn_zones_agree_with_a_loop(seed: int) -> None:
    """Up to 12 zones as a policy may list them, 300 pairs on bounds or one beside."""
    rng = random.Random(seed)
    steps_m, steps_grams = range(0, 600_001, 100_000), range(0, 1_200_001, 200_000)
    bounds = sorted(
        {
            (rng.choice(steps_m[1:]), rng.choice(steps_grams[1:]))
            for _ in range(rng.randint(1, 12))
        }
    )
    # Prices beyond what 32 bits and beyond what a float holds exactly.
    zones = tuple(ZoneRate(*each, rng.randint(0, 10**18)) for each in bounds)
    pairs = [
        (
            rng.choice(steps_m) + rng.randint(0, 1),
            rng.choice(steps_grams) + rng.randint(0, 1),
        )
        for _ in range(300)
    ]
    rates = LabelRates.of(CostModel(label_base_micros=99, zones=zones))
    distance_m, grams = (np.array(each, np.int64) for each in zip(*pairs, strict=True))
    price, found = rates.price(distance_m, grams)
    assert price.dtype == np.int64
    assert found.dtype == np.bool_
    assert list(zip(price.tolist(), found.tolist(), strict=True)) == [
        _slow_price(*pair, zones) for pair in pairs
    ]


def test_drawn_trips_agree_with_fractions() -> None:
    """2,000 trips of seed 9 up to the documented ends, halves rounded up exactly."""
    rng = random.Random(9)
    trips = [
        (
            rng.choice([rng.randint(0, 2_000), rng.randint(0, _HALF_GLOBE_M)]),
            rng.randint(0, 10**12),
            rng.choice([rng.randint(0, 1_000), rng.randint(0, 10**9)]),
        )
        for _ in range(2_000)
    ]
    columns = (np.array(each, np.int64) for each in zip(*trips, strict=True))
    assert trip_micros(*columns).tolist() == [
        base + floor(Fraction(distance_m * per_km, 1_000) + Fraction(1, 2))
        for distance_m, base, per_km in trips
    ]


def test_prices_of_rows_meet_distances_of_pairs() -> None:
    """Broadcast: two warehouses down, three items across, whole numbers throughout."""
    found = trip_micros(
        np.array([[0, 1_000, 2_500], [0, 1_000, 2_500]]),
        np.array([[5], [7]]),
        np.array([[10], [20]]),
    )
    assert found.dtype == np.int64
    assert found.tolist() == [[5, 15, 30], [7, 27, 57]]


def test_without_zones_every_pair_has_a_label() -> None:
    """Then the price is by the kilometre, whatever the weight."""
    rates = LabelRates.of(CostModel(label_base_micros=7, label_per_km_micros=2_000))
    price, found = rates.price(np.array([0, 1_500]), np.array([0, 999_999]))
    assert price.tolist() == [7, 3_007]
    assert found.all()


def test_nothing_to_price_is_no_error() -> None:
    """Empty in, empty out, with zones and without."""
    empty = np.empty(0, np.int64)
    for zones in ((), _ZONES):
        price, found = LabelRates.of(CostModel(zones=zones)).price(empty, empty)
        assert len(price) == len(found) == 0
