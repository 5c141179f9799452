"""Values of a policy in words."""

from __future__ import annotations

import pytest

from matcher.domain.policy import RolloutStep, VolumeCap, ZoneRate
from matcher.policy import words
from tests.scenarios import DAY_US, HOUR_US, MINUTE_US, policy


@pytest.mark.parametrize(
    ("duration_us", "expected"),
    [
        (0, "0 seconds"),
        (1, "1e-06 seconds"),
        (1_000_000, "1 second"),
        (90 * 1_000_000, "90 seconds"),
        (MINUTE_US, "1 minute"),
        (36 * HOUR_US, "36 hours"),
        (7 * DAY_US, "7 days"),
        (10_000 * DAY_US, "10,000 days"),
    ],
)
def test_a_duration_in_its_largest_unit(duration_us: int, expected: str) -> None:
    """No rest is dropped."""
    assert words.duration_words(duration_us) == expected


def test_the_other_values() -> None:
    """Each as a person would write it."""
    zones = tuple(ZoneRate(each, 1_000, 5) for each in range(1, 24))
    document = policy(rollout_basis_points=5, rollout_steps=(RolloutStep(0, 10_000),))
    found = {
        words.plain_words(True): "yes",
        words.plain_words(10_000): "10,000",
        words.plain_words(""): "none",
        words.names_words([]): "none",
        words.segments_words([]): "every segment",
        words.cap_words(None): "none",
        words.cap_words(VolumeCap(25, 36 * HOUR_US)): (
            "0.25 % of eligible items in 36 hours"
        ),
        words.rollout_words(document): "0.05 %, 100.00 % from 1970-01-01T00:00:00Z",
        words.zones_words(()): "none",
        words.zones_words(zones[:1]): "to 1 m and 1,000 g: 5 micros",
    }
    assert list(found) == list(found.values())
    assert words.zones_words(zones).endswith("; and 3 more")
