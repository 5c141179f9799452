"""How sure a share or a mean is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.report.share import Z_95, wilson_interval


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the bounds of its 95 % confidence interval."""

    estimate: float
    low: float
    high: float


def share_interval(count: int, of: int) -> Interval:
    """Return a share with its 95 % score interval; of none, nothing is known."""
    low, high = wilson_interval(count, of)
    return Interval(count / of if of else 0.0, low, high)


def mean_interval(values: NDArray[np.int64]) -> Interval:
    """
    Return the mean of some values with its 95 % interval.

    By the normal approximation, over independent values: for a few of them, or for very
    skewed ones, too narrow. Of fewer than two, nothing is known of the spread, and the
    bounds are the mean.
    """
    if not len(values):
        return Interval(0.0, 0.0, 0.0)
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, mean, mean)
    half = Z_95 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)
