"""The planner: what is scanned whole, what is walked, and what is kept."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.geo import cover, latlng_to_cells
from matcher.index.cover_plan import RESOLUTIONS, CoverPlan, CoverPlanner


def planned(key_count: int, radius_m: int, queries: int) -> CoverPlan:
    """Plan queries that all ask from one place."""
    return CoverPlanner().plan(
        np.full(queries, key_count, np.int64),
        np.full(queries, radius_m, np.int64),
        np.full(queries, 48.0),
        np.full(queries, 2.0),
    )


@pytest.mark.parametrize(("radius_m", "level"), [(6_000, 1), (45_000, 2), (500_000, 3)])
def test_a_large_key_is_walked_at_the_radius_level(radius_m: int, level: int) -> None:
    """The largest radius of each level, asked of a million demands, has its cover."""
    plan = planned(1_000_000, radius_m, 1)
    assert plan.level.tolist() == [level]
    cells, starts, centres = plan.covers()
    resolution = RESOLUTIONS[level - 1]
    centre = int(latlng_to_cells([48.0], [2.0], resolution)[0])
    walked = cells[starts[plan.cover_of[0]] : starts[plan.cover_of[0] + 1]]
    assert sorted(walked.tolist()) == cover(centre, radius_m).tolist()
    assert walked[0] == centre
    away = centres[starts[plan.cover_of[0]] :] @ centres[starts[plan.cover_of[0]]]
    assert np.all(np.diff(away) <= 0)
    assert 15 <= len(walked) <= 120


@pytest.mark.parametrize(("radius_m", "level"), [(6_001, 2), (45_001, 3)])
def test_one_metre_more_is_the_next_level(radius_m: int, level: int) -> None:
    """A radius one past a level's largest is walked on the next coarser cells."""
    assert planned(1_000_000, radius_m, 1).level.tolist() == [level]


def test_a_cover_is_made_only_if_it_pays() -> None:
    """1,000 demands are scanned 3 times sooner than covered, but not 4 times."""
    assert planned(1_000, 5_000, 3).level.tolist() == [0] * 3
    assert planned(1_000, 5_000, 4).level.tolist() == [1] * 4


def test_a_small_key_is_scanned_beside_a_large_one() -> None:
    """They share a cover that the large key paid for; 63 demands never walk."""
    plan = CoverPlanner().plan(
        np.array([63, 100_000], np.int64),
        np.array([5_000, 5_000], np.int64),
        [48.0, 48.0],
        [2.0, 2.0],
    )
    assert plan.level.tolist() == [0, 1]


def test_a_cover_is_kept() -> None:
    """Made for many, it serves a single query later, which could not pay for it."""
    planner = CoverPlanner()
    for queries, level in ((1, 0), (4, 1), (1, 1)):
        plan = planner.plan(
            np.full(queries, 1_000, np.int64),
            np.full(queries, 5_000, np.int64),
            np.full(queries, 48.0),
            np.full(queries, 2.0),
        )
        assert plan.level.tolist() == [level] * queries
