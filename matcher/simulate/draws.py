"""Seeded draws that are the same on every platform and run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_Value = TypeVar("_Value")

# Weights become integers of this total before they are summed: the last bit of a
# platform's power function must not move a boundary.
_WEIGHT_TOTAL = 1 << 40


class Draws:
    """
    Draws columns from one generator, in the order of the calls.

    Every method takes one uniform double per value and nothing else from the
    generator: NumPy promises that stream to stay, and derives its other
    distributions from it by functions that differ between platforms.

    Parameters
    ----------
    rng
        Advanced by every call.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def uniform(self, count: int) -> FloatArray:
        """Draw ``count`` doubles from 0 (included) to 1 (excluded)."""
        return self._rng.random(count)

    def chance(self, share: float, count: int) -> BoolArray:
        """Draw true with probability ``share``."""
        return self._rng.random(count) < share

    def whole(self, low: int, high: int, count: int) -> IntArray:
        """Draw integers from ``low`` to ``high``, both included; under 2**53 apart."""
        span = high - low + 1
        steps: IntArray = np.floor(self._rng.random(count) * span).astype(np.int64)
        return low + steps

    def spell_us(
        self, bands: Sequence[tuple[float, float, int]], count: int
    ) -> IntArray:
        """
        Draw spans of time.

        Parameters
        ----------
        bands
            Shortest and longest span in hours, and the weight of the band; even
            within a band.
        count
            How many.

        Returns
        -------
        numpy.ndarray
            Whole seconds, in microseconds, ``int64 (count,)``.
        """
        low, high, weight = np.asarray(bands, np.float64).T
        band = self.index(weight, count)
        hours = low[band] + self._rng.random(count) * (high - low)[band]
        seconds: IntArray = np.floor(hours * 3600.0).astype(np.int64)
        return seconds * 1_000_000

    def index(self, weights: ArrayLike, count: int) -> IntArray:
        """Draw positions in ``weights``, each in proportion to its weight."""
        bounds = whole_bounds(weights)
        ticks = np.floor(self._rng.random(count) * bounds[-1])
        at: IntArray = np.searchsorted(bounds, ticks, side="right").astype(np.int64)
        return at

    def pick(
        self, table: Sequence[tuple[_Value, int]], count: int
    ) -> tuple[IntArray, tuple[_Value, ...]]:
        """
        Draw from a table of values and weights.

        Returns
        -------
        tuple
            Positions in the table, ``(count,)``, and its values.
        """
        values = tuple(value for value, _ in table)
        return self.index([weight for _, weight in table], count), values


def whole_bounds(weights: ArrayLike) -> IntArray:
    """Return running totals of weights as integers; the last is the whole."""
    shares = np.asarray(weights, np.float64)
    parts = np.rint(shares / shares.sum() * _WEIGHT_TOTAL).astype(np.int64)
    return np.cumsum(parts)
