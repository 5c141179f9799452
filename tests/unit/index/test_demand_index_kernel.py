"""Kernels of the index: the shared formula, and the spread of the hash."""

from __future__ import annotations

import h3.api.basic_int as h3
import numpy as np
import pytest

from matcher.geo import sphere_kernel
from matcher.index import demand_index_kernel as kernel


def test_both_kernels_measure_alike() -> None:
    """
    The formula stands in two files; bit for bit, they are one.

    20,000 squared chords of every size, those around each half metre up to 100 m
    included; seed 8.
    """
    rng = np.random.default_rng(8)
    halves = (np.arange(100) + 0.5) / sphere_kernel.EARTH_RADIUS_M
    edges = np.square(2.0 * np.sin(halves / 2.0))
    chords = np.concatenate(
        [
            4.0 * rng.random(10_000) ** 8,
            *(edges * (1.0 + step) for step in np.linspace(-1e-13, 1e-13, 100)),
            [0.0, 4.0, 4.0 + 1e-15],
        ]
    )
    assert kernel.EARTH_RADIUS_M == sphere_kernel.EARTH_RADIUS_M
    for chord2 in chords.tolist():
        assert kernel.metres_of_chord(chord2) == sphere_kernel.metres_of_chord(chord2)


@pytest.mark.parametrize("resolution", [3, 5, 7])
def test_hash_spreads_neighbouring_cells_and_keys(resolution: int) -> None:
    """
    Cells of a disk under neighbouring keys fill a table as evenly as chance.

    4,095 of them or so into 8,192 places: chance leaves 3,222 distinct places,
    within 5 standard deviations of 25; a hash that ignored digits would not.
    """
    disk = sorted(h3.grid_disk(h3.latlng_to_cell(48.0, 2.0, resolution), 20))
    buckets = [(key, np.uint64(cell)) for key in range(4) for cell in disk][:4095]
    places = {kernel._hash(key, cell, 8191) for key, cell in buckets}
    expected = 8192 * (1.0 - (1.0 - 1.0 / 8192) ** len(buckets))
    assert abs(len(places) - expected) < 125
    assert min(places) >= 0
    assert max(places) < 8192


def test_colliding_buckets_are_told_apart() -> None:
    """
    30 keys and cells crowd a table of 64, where probes pass many a stranger.

    Ten keys share each of three cells and each key has all three: a bucket is found
    only if key and cell are compared. Slot s has key s // 3, cell s % 3.
    """
    slots = np.arange(30)
    key, cell = slots // 3, (slots % 3).astype(np.uint64)[:, None]
    table = (np.full(64, kernel.UNUSED), np.zeros(64, np.uint64), np.full(64, -1))
    after, before = np.full((30, 1), -1), np.full((30, 1), -1)
    assert kernel.insert_kernel(slots, key, cell, table, after, before) == 30
    for slot in slots.tolist():
        at = kernel._find(key[slot], cell[slot, 0], table[0], table[1])
        assert table[2][at] == slot
    missing = kernel._find(10, np.uint64(0), table[0], table[1])
    assert table[0][missing] == kernel.UNUSED


def test_hash_is_the_same_compiled_and_plain() -> None:
    """Large keys and cells overflow nothing that Python would not; seed 9."""
    plain = getattr(kernel._hash, "py_func", kernel._hash)
    rng = np.random.default_rng(9)
    for _ in range(200):
        key = int(rng.integers(0, 2**27))
        cell = rng.integers(0, 2**63, dtype=np.uint64)
        assert kernel._hash(key, cell, 2**20 - 1) == plain(key, cell, 2**20 - 1)
