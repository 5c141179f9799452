"""The rule of the volume cap, in integers."""

from __future__ import annotations

import pytest

from matcher.domain.policy import VolumeCap
from matcher.policy.volume import first_hour, has_place, hour_of
from tests.scenarios import HOUR_US, NOW_US


@pytest.mark.parametrize("basis_points", [0, 1, 3_333, 1_000, 9_999, 10_000])
def test_after_each_item_the_share_is_exact(basis_points: int) -> None:
    """Of n that ask, n times the share, rounded down; never one more (R25)."""
    cap = VolumeCap(basis_points, HOUR_US)
    admitted = 0
    for eligible in range(20_000):
        admitted += has_place(cap, eligible, admitted)
        assert admitted == (eligible + 1) * basis_points // 10_000


def test_the_window_ends_with_the_hour_of_now() -> None:
    """Two hours are this one and the one before."""
    cap = VolumeCap(1, 2 * HOUR_US)
    assert first_hour(cap, NOW_US) == hour_of(NOW_US) - 1
    assert hour_of(NOW_US - 1) == hour_of(NOW_US) - 1
