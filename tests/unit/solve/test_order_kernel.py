"""matcher/solve/order_kernel.py: each row's candidates, best first."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from matcher.solve.order_kernel import order_kernel


# Around the 32 candidates at which one sort takes over from the other.
@pytest.mark.parametrize("degree", [0, 1, 2, 31, 32, 33, 34, 100])
def test_rows_are_sorted_by_saving_then_column(degree: int) -> None:
    """Three rows with many ties come out as Python's sort has them."""
    rng = np.random.default_rng(degree)
    offsets = np.arange(4) * degree
    columns = rng.integers(0, 20, 3 * degree).astype(np.int32)
    saving = rng.integers(-1, 4, 3 * degree)
    capacity = rng.integers(0, 3, 20).astype(np.int32)
    expected = [
        sorted(
            (-int(saving[e]), int(columns[e]))
            for e in range(i * degree, (i + 1) * degree)
            if saving[e] > 0 and capacity[columns[e]] > 0
        )
        for i in range(3)
    ]
    found_offsets = np.empty(4, np.int64)
    found_columns, found_saving = np.empty_like(columns), np.empty_like(saving)
    order_kernel(
        (offsets, columns, saving, capacity),
        found_offsets,
        found_columns,
        found_saving,
    )
    found = [
        list(
            zip(
                (-found_saving[start:stop]).tolist(),
                found_columns[start:stop].tolist(),
                strict=True,
            )
        )
        for start, stop in pairwise(found_offsets.tolist())
    ]
    assert found == expected
