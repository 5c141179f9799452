"""Kernels of the sorted copy: the shared formula, the codes, the guessed search."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.geo import sphere_kernel
from matcher.index import band_table_kernel as kernel


def _chords() -> list[float]:
    # Every size up to 600 km, and what lies around half metres, where rounding turns.
    rng = np.random.default_rng(8)
    metres = np.concatenate(
        [
            np.arange(300),
            rng.integers(0, 600_000, 2_000),
            [499_999, 500_000, 500_001, 599_999],
        ]
    )
    halves = (metres + 0.5) / sphere_kernel.EARTH_RADIUS_M
    edges = np.square(2.0 * np.sin(halves / 2.0))
    steps = (-1e-11, -1e-13, -1e-15, 0.0, 1e-15, 1e-13, 1e-11)
    around = [edges * (1.0 + step) for step in steps]
    return np.concatenate([[0.0], rng.random(5_000) * 0.0088, *around]).tolist()


def test_both_kernels_measure_alike() -> None:
    """The formula stands in two files, and its series beside it: metre by metre one."""
    assert kernel.EARTH_RADIUS_M == sphere_kernel.EARTH_RADIUS_M
    for chord2 in _chords():
        expected = sphere_kernel.metres_of_chord(chord2)
        assert kernel.metres_of_chord(chord2) == expected
        assert kernel._near_metres(chord2) == expected


def test_codes_sort_by_key_band_and_longitude() -> None:
    """Higher keys, then higher bands, then farther east: never a lower code."""
    lat = [-90.0, -89.9, 0.0, 45.0, 89.9, 90.0]
    lng = [-180.0, -179.9, -0.0, 0.001, 179.9, 180.0]
    places = np.array([(y, x) for _ in range(3) for y in lat for x in lng])
    keys = np.repeat([0, 1, 2**27 - 1], 36)
    scale = np.full(2, 32768 / 180.0)
    codes = kernel.codes_kernel(keys, places, scale)
    assert (codes[1:72] > codes[:71]).all()
    # The largest key has no scale, so one band: west and east alone tell its places.
    assert sorted(set(codes[72:].tolist())) == codes[72:78].tolist()
    assert codes[72] > codes[71]


@pytest.mark.parametrize("guess", [0, 1, 17, 40, 63, 64, 1_000])
def test_any_guess_finds_the_place(guess: int) -> None:
    """Equal codes, gaps and both ends of every range, against NumPy's search."""
    code = np.sort(np.random.default_rng(3).integers(0, 40, 64)).astype(np.uint64)
    for low, high in ((0, 64), (5, 40), (40, 40), (63, 64)):
        for wanted in range(42):
            expected = low + np.searchsorted(code[low:high], np.uint64(wanted))
            found = kernel._first_at_least(code, low, high, np.uint64(wanted), guess)
            assert found == expected, (low, high, wanted)
