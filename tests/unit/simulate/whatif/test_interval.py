"""Shares and means with their intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from matcher.simulate.whatif.interval import mean_interval, share_interval


@pytest.mark.parametrize(("count", "of"), [(0, 10), (5, 10), (10, 10), (50, 1_000)])
def test_shares_are_wilsons(count: int, of: int) -> None:
    """Each bound is a share from which the one seen lies z standard errors away."""
    found = share_interval(count, of)
    assert found.estimate == count / of
    for bound in (found.low, found.high):
        error = math.sqrt(bound * (1 - bound) / of)
        away = abs(found.estimate - bound)
        assert away == pytest.approx(1.959963984540054 * error, abs=1e-12)
    assert found.low <= found.estimate <= found.high


def test_of_nothing_nothing_is_known() -> None:
    """No items: any share is possible; no values: there is no mean."""
    assert (share_interval(0, 0).low, share_interval(0, 0).high) == (0.0, 1.0)
    assert mean_interval(np.empty(0, np.int64)).estimate == 0.0
    alone = mean_interval(np.array([7]))
    assert (alone.low, alone.estimate, alone.high) == (7.0, 7.0, 7.0)


def test_intervals_hold_as_often_as_they_say() -> None:
    """Of 2,000 drawn samples 93 to 97 % hold the truth, for shares and means."""
    rng = np.random.default_rng(3)
    shares = means = 0
    for _ in range(2_000):
        sample = (rng.random(200) < 0.2).astype(np.int64)
        share = share_interval(int(sample.sum()), len(sample))
        shares += share.low <= 0.2 <= share.high
        mean = mean_interval(rng.integers(0, 1_001, 200))
        means += mean.low <= 500 <= mean.high
    assert 0.93 < shares / 2_000 < 0.97
    assert 0.93 < means / 2_000 < 0.97
