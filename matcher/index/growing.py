"""Arrays that grow by doubling."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


def grown(array: NDArray[T], size: int, fill: float) -> NDArray[T]:
    """
    Return the array if it is long enough, else a longer copy.

    Parameters
    ----------
    array
        ``(n, ...)``.
    size
        Rows that there must be room for.
    fill
        Value of the rows that are new.
    """
    if size <= len(array):
        return array
    shape = (max(size, 2 * len(array)), *array.shape[1:])
    longer = np.full(shape, fill, array.dtype)
    longer[: len(array)] = array
    return longer
