"""A request to end a solve early."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Stop:
    """
    Ends a solve before its time; kernels look at it between rows.

    Whoever has a clock calls :meth:`request` when a budget is spent. The answer is
    then the best found so far, with the gap that its prices prove.
    """

    def __init__(self) -> None:
        self.flag: NDArray[np.int8] = np.zeros(1, np.int8)

    def request(self) -> None:
        """Ask for the end; any thread may, any number of times."""
        self.flag[0] = 1

    @property
    def is_requested(self) -> bool:
        """Whether the end was asked for."""
        return bool(self.flag[0])
