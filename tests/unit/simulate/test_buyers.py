"""Demands of a scenario."""

from __future__ import annotations

from collections import Counter

import numpy as np

from matcher.domain.demand import Demand
from matcher.domain.item import Condition
from matcher.simulate import ScenarioParams, generate
from matcher.simulate.buyers import FLOORS, PRIORITIES, QUANTITIES, SEGMENTS

NOW_US = 1_772_366_400_000_000
HOUR_US = 3_600_000_000


def _demands(**changes: object) -> tuple[Demand, ...]:
    params = ScenarioParams(return_count=0, city_count=3, **changes)  # type: ignore[arg-type]
    return generate(params, np.random.default_rng(41), NOW_US).demands


def test_tables_are_hundredths() -> None:
    """Weights add up to 100, as their comment says."""
    for table in (QUANTITIES, FLOORS, SEGMENTS, PRIORITIES):
        assert sum(weight for _, weight in table) == 100


def test_consent_follows_its_share() -> None:
    """All, none, or 90 % of 2,000 buyers accept a returned item, within five sigma."""
    for share, expected, slack in ((1.0, 2_000, 0), (0.0, 0, 0), (0.9, 1_800, 67)):
        demands = _demands(demand_count=2_000, share_consenting=share)
        consenting = sum(each.accepts_returned_item for each in demands)
        assert abs(consenting - expected) <= slack


def test_ship_by_is_ahead() -> None:
    """Ordinary fulfilment ships 1 to 240 hours on, a few within four."""
    hours = [
        (each.ship_by_us - NOW_US) / HOUR_US for each in _demands(demand_count=2_000)
    ]
    assert min(hours) >= 1
    assert max(hours) <= 240
    assert 50 < sum(each <= 4 for each in hours) < 160


def test_floors_and_quantities_vary() -> None:
    """Every value of the tables occurs among 2,000 demands, commonest first."""
    demands = _demands(demand_count=2_000)
    floors = Counter(each.min_condition for each in demands).most_common()
    assert [floor for floor, _ in floors] == [
        Condition.GOOD,
        Condition.LIKE_NEW,
        Condition.NEW,
    ]
    assert {each.quantity for each in demands} == {1, 2, 3, 5}
    assert {each.priority for each in demands} == {0, 1, 3}


def test_density_counts_the_area() -> None:
    """New York, Los Angeles and Chicago: 14,867,563 people on 3,717 km2, 0.5 each."""
    assert len(_demands(density=0.5)) == 1_858
