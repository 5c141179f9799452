"""What a scenario may be asked to be."""

from __future__ import annotations

from typing import Any

import pytest

from matcher.domain.errors import InvalidValueError
from matcher.simulate.params import ScenarioParams


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("city_count", 0),
        ("city_count", 10_001),
        ("demand_count", -1),
        ("demand_count", 2_000_001),
        ("density", float("nan")),
        ("return_count", 1_000_001),
        ("balance", -0.1),
        ("sku_count", 0),
        ("sku_skew", float("inf")),
        ("clustering", 1.01),
        ("share_eligible", -0.01),
        ("share_consenting", 2),
        ("warehouse_count", 1_001),
        ("capacity_share", -1),
        ("country", "usa"),
        ("categories", ()),
        ("categories", ("a", "a")),
    ],
)
def test_out_of_range_is_refused(name: str, value: object) -> None:
    """One past each end, NaN and infinity are refused with the field's name."""
    changes: dict[str, Any] = {name: value}
    with pytest.raises(InvalidValueError) as caught:
        ScenarioParams(**changes)
    assert caught.value.violations[0].field == name


def test_category_must_be_an_id() -> None:
    """A category goes into ids of the contract, so control characters are refused."""
    with pytest.raises(InvalidValueError, match=r"categories\[1\]"):
        ScenarioParams(categories=("a", "b\n"))


def test_density_and_balance_replace_counts() -> None:
    """Half a demand on each of 1,001 km2 is 501 (half up); 0.1 returns each is 50."""
    params = ScenarioParams(density=0.5, balance=0.1)
    assert params.demands_on(1_001.0) == 501
    assert params.returns_against(501) == 50
    assert ScenarioParams().demands_on(1.0) == 20_000
    assert ScenarioParams().returns_against(1) == 5_000


def test_density_cannot_pass_the_row_limit() -> None:
    """A density that makes more than 2,000,000 demands is refused, not cut."""
    with pytest.raises(InvalidValueError, match="density"):
        ScenarioParams(density=10.0).demands_on(200_001.0)
    with pytest.raises(InvalidValueError, match="balance"):
        ScenarioParams(balance=2.0).returns_against(500_001)
