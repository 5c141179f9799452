"""Limits of a shard."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from matcher.domain.errors import InvalidValueError
from matcher.engine.limits import ShardLimits


def test_defaults_are_the_documented_ones() -> None:
    """Section 9 of the design: 2 million demands, a round of 1 million returns."""
    limits = ShardLimits()
    assert limits.demand_count_max == 2_000_000
    assert limits.pool_count_max == 1_000_000
    assert limits.decide_margin_us == 1_000_000
    assert limits.round_lead_us == 5_000_000


@pytest.mark.parametrize("name", [each.name for each in fields(ShardLimits)])
def test_zero_is_the_least(name: str) -> None:
    """0 is accepted; -1 is refused by the name of the limit."""
    assert getattr(replace(ShardLimits(), **{name: 0}), name) == 0
    with pytest.raises(InvalidValueError) as caught:
        replace(ShardLimits(), **{name: -1})
    assert caught.value.violations[0].field == name
