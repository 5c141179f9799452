"""How sure a share or a mean is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Standard deviations to either side that hold 95 % of a normal distribution.
Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the bounds of its 95 % confidence interval."""

    estimate: float
    low: float
    high: float


def share_interval(count: int, of: int) -> Interval:
    """
    Return a share with its 95 % interval.

    Parameters
    ----------
    count, of
        How many of how many; of none, nothing is known: 0 to 1.

    Notes
    -----
    Wilson's score interval [1]_, which stays within 0 and 1 and holds for few items and
    for shares near the ends. It takes items as independent of each other.

    References
    ----------
    .. [1] E. B. Wilson, Probable inference, the law of succession, and statistical
       inference, Journal of the American Statistical Association 22, 1927.
       DOI 10.1080/01621459.1927.10502953.
    """
    if not of:
        return Interval(0.0, 0.0, 1.0)
    share, z_squared = count / of, Z_95 * Z_95
    centre = (share + z_squared / (2 * of)) / (1 + z_squared / of)
    spread = share * (1 - share) / of + z_squared / (4 * of * of)
    half = Z_95 / (1 + z_squared / of) * math.sqrt(spread)
    # At the ends, where a bound is the share itself, rounding must not pass it.
    low, high = min(share, centre - half), max(share, centre + half)
    return Interval(share, max(0.0, low), min(1.0, high))


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
