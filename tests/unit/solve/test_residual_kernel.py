"""Shortest paths to a node: ties, what is out of reach, and where the search ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.solve.residual_kernel import FAR, by_head_kernel, paths_kernel


def _paths(
    arcs: list[tuple[int, int, int]], node_count: int, target: int, wanted: list[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    tail, head, cost = np.array(arcs, np.int64).T
    is_wanted = np.zeros(node_count, np.bool_)
    is_wanted[wanted] = True
    far = np.full(node_count, FAR, np.int64)
    steps = np.zeros(node_count, np.int64)
    onward = np.full(node_count, -1, np.int32)
    offsets, order = by_head_kernel(head.astype(np.int32), node_count)
    given = (offsets, order, tail.astype(np.int32), cost)
    paths_kernel(given, target, node_count - 1, is_wanted, far, steps, onward)
    return far, steps, onward


def test_of_equally_short_paths_the_one_of_fewest_steps() -> None:
    """Also where the longer way is found first: 0-1-2-4 ends 1 before 4, 0-3-4 not."""
    arcs = [(0, 1, 4), (1, 2, 1), (2, 4, 0), (0, 3, 1), (3, 4, 4)]
    far, steps, onward = _paths(arcs, 5, 4, [0])
    assert (far[0], steps[0], onward[0]) == (5, 2, 3)


def test_what_is_out_of_reach() -> None:
    """No path, and one that is longer than any number."""
    far, _, onward = _paths([(0, 1, FAR - 1), (1, 3, 1), (3, 2, 0)], 4, 3, [0, 1, 2])
    assert far.tolist() == [FAR, 1, FAR, 0]
    assert onward.tolist() == [-1, 3, -1, -1]


def test_the_search_ends_with_what_is_wanted() -> None:
    """What lies beyond the last of them is not looked at."""
    far, _, _ = _paths([(2, 3, 1), (1, 2, 1), (0, 1, 1)], 4, 3, [2])
    assert far.tolist() == [FAR, 2, 1, 0]
