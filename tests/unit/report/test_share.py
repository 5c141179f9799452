"""Shares and their intervals."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from matcher.report.share import Share, wilson_interval

PAIRS = [(0, 1), (1, 1), (0, 10), (10, 10), (1, 10), (5, 10), (37, 1_000), (999, 10**6)]


@pytest.mark.parametrize(("count", "total"), PAIRS)
def test_the_interval_is_that_of_scipy(count: int, total: int):
    """Wilson's score interval without continuity correction, at 95 %."""
    known = binomtest(count, total).proportion_ci(0.95, method="wilson")
    # Both are a few operations on doubles.
    assert wilson_interval(count, total) == pytest.approx(
        (known.low, known.high), abs=1e-12
    )


def test_bounds_stay_within_zero_and_one():
    """Exactly 0 and 1 at the ends, whatever rounding would say."""
    for total in range(1, 200):
        assert wilson_interval(0, total)[0] == 0.0
        assert wilson_interval(total, total)[1] == 1.0


def test_of_nothing_everything_is_possible():
    """No sample is no evidence: 0 between 0 and 1."""
    share = Share(0, 0)
    assert (share.value, share.low, share.high) == (0.0, 0.0, 1.0)
