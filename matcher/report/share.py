"""A share with its sample and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

#: Standard normal quantile of a two-sided 95 % interval.
Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """
    ``count`` of ``total``.

    ``low`` and ``high`` bound the share with 95 % confidence; 0 and 1 without a sample.
    """

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share itself; 0 of nothing."""
        return self.count / self.total if self.total else 0.0

    @property
    def low(self) -> float:
        """Lower bound of the interval."""
        return wilson_interval(self.count, self.total)[0]

    @property
    def high(self) -> float:
        """Upper bound of the interval."""
        return wilson_interval(self.count, self.total)[1]


def wilson_interval(count: int, total: int) -> tuple[float, float]:
    """
    Return the 95 % score interval of a share.

    Parameters
    ----------
    count, total
        ``0 <= count <= total``.

    Returns
    -------
    tuple of float
        Bounds within 0 and 1; (0, 1) for a total of 0.

    Notes
    -----
    Unlike the plain normal interval it stays within its range and keeps near its
    coverage for small samples and shares near 0 or 1 [1]_.

    References
    ----------
    .. [1] E. B. Wilson, Probable inference, the law of succession, and statistical
       inference, Journal of the American Statistical Association 22 (158), 1927.
    """
    if total == 0:
        return 0.0, 1.0
    z2 = Z_95 * Z_95
    share = count / total
    middle = share + z2 / (2 * total)
    half = Z_95 * sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    scale = 1 + z2 / total
    # Exact at the ends, where rounding would leave a speck.
    low = 0.0 if count == 0 else (middle - half) / scale
    high = 1.0 if count == total else (middle + half) / scale
    return low, high
