"""The nearest of many places to each point, by scan or by tree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from matcher.geo import chord_bound
from matcher.geo.sphere_kernel import distance_kernel
from matcher.index.demand_index_kernel import nearest_kernel

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

# From this many places and points on, building a tree pays.
_TREE_PLACES = 512
_TREE_POINTS = 8


def nearest_of(
    vectors: FloatArray, slots: IntArray, points: FloatArray
) -> tuple[IntArray, IntArray]:
    """
    Find the nearest of some slots to each point.

    Parameters
    ----------
    vectors
        Unit vectors by slot, ``float64 (s, 3)``.
    slots
        ``int64 (k,)``, one or more, in any order.
    points
        Unit vectors, ``float64 (q, 3)``.

    Returns
    -------
    tuple of numpy.ndarray
        Slot and distance in metres, ``int64 (q,)`` each. Ties, in whole metres, go
        to the lowest slot, however the search is made.
    """
    found = (np.empty(len(points), np.int64), np.empty(len(points), np.int64))
    if len(slots) < _TREE_PLACES or len(points) < _TREE_POINTS:
        nearest_kernel(vectors, slots, points, *found)
    else:
        _by_tree(vectors, slots, points, found)
    return found


def _by_tree(
    vectors: FloatArray,
    slots: IntArray,
    points: FloatArray,
    found: tuple[IntArray, IntArray],
) -> None:
    # The tree's distances may differ in the last bit, and the nearest by whole metres
    # may be a few: the tree says where to look, the kernel decides. Of equal places
    # the lowest slot stands for all.
    slots = _lowest_of_place(vectors, slots)
    tree = KDTree(vectors[slots])
    _, position = tree.query(points)
    metres = np.empty(len(points), np.int64)
    distance_kernel(points, vectors[slots[position]], metres)
    near = tree.query_ball_point(points, np.sqrt(chord_bound(metres)[1]))
    for row, positions in enumerate(near):
        nearest_kernel(
            vectors,
            slots[np.array(positions, np.int64)],
            points[row : row + 1],
            found[0][row : row + 1],
            found[1][row : row + 1],
        )


def _lowest_of_place(vectors: FloatArray, slots: IntArray) -> IntArray:
    x, y, z = vectors[slots].T
    order = np.lexsort((slots, z, y, x))
    sorted_places = vectors[slots[order]]
    first = np.ones(len(order), np.bool_)
    first[1:] = (sorted_places[1:] != sorted_places[:-1]).any(axis=1)
    return slots[order[first]]
