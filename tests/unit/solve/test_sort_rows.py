"""sort_rows_kernel: each row's candidates, best first."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.solve.assignment_kernel import sort_rows_kernel


# Around the 32 candidates at which one sort takes over from the other.
@pytest.mark.parametrize("degree", [0, 1, 2, 31, 32, 33, 34, 100])
@pytest.mark.parametrize("is_in_order", [False, True])
def test_rows_are_sorted_by_falling_saving(degree: int, is_in_order: bool) -> None:
    """Of four rows the three asked for are sorted, each pair kept together."""
    rng = np.random.default_rng(degree)
    offsets = np.arange(5) * degree
    saving = rng.integers(1, 9, 4 * degree)
    if is_in_order:
        saving = -np.sort(-saving.reshape(4, degree)).ravel()
    columns = np.arange(4 * degree, dtype=np.int32)
    before = saving.copy()
    is_sorted = np.zeros(4, np.bool_)
    graph = (offsets, columns, saving, np.ones(4 * degree, np.int32))
    sort_rows_kernel(np.array([0, 1, 3]), graph, is_sorted)
    assert is_sorted.tolist() == [True, True, False, True]
    assert np.array_equal(before[columns], saving)
    for row in range(4):
        part = slice(row * degree, (row + 1) * degree)
        assert sorted(columns[part].tolist()) == list(range(4 * degree))[part]
        if row == 2:
            assert np.array_equal(saving[part], before[part])
        else:
            assert np.array_equal(saving[part], -np.sort(-before[part]))
