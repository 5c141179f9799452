"""The goods of a scenario."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from matcher.simulate.catalogue import Catalogue
from matcher.simulate.draws import Draws
from matcher.simulate.params import ScenarioParams


def _catalogue(**changes: object) -> Catalogue:
    params = ScenarioParams(**changes)  # type: ignore[arg-type]
    return Catalogue(params, Draws(np.random.default_rng(21)))


@pytest.mark.parametrize("skew", [0.0, 1.0, 2.0])
def test_categories_hold_their_shares(skew: float) -> None:
    """Weights 1, 1/2, 1/3 share the demand as 6:3:2 as far as single SKUs allow."""
    catalogue = _catalogue(sku_count=400, sku_skew=skew, categories=("a", "b", "c"))
    held: Counter[str] = Counter()
    for category, weight in zip(
        catalogue.category, catalogue.popularity.tolist(), strict=True
    ):
        held[category] += weight
    total = sum(held.values())
    # At skew 2 the best seller alone is 61 % of all, so category a has that.
    expected = {"a": max(6 / 11, 1 / total), "b": 3 / 11, "c": 2 / 11}
    tolerance = 0.02 if skew < 2 else 0.08
    assert all(
        abs(held[name] / total - share) < tolerance for name, share in expected.items()
    )


def test_popularity_is_skewed_as_asked() -> None:
    """Under Zipf's law the best seller of 100 is asked for 1 / H(100) = 19.3 %."""
    catalogue = _catalogue(sku_count=100)
    drawn = catalogue.draw(Draws(np.random.default_rng(22)), 50_000)
    share = (drawn == 0).mean()
    assert abs(share - 0.1928) < 5 * 0.0018


def test_no_skew_is_even() -> None:
    """With exponent 0 each of 10 SKUs gets a tenth of 50,000 draws."""
    catalogue = _catalogue(sku_count=10, sku_skew=0.0)
    counts = np.bincount(catalogue.draw(Draws(np.random.default_rng(23)), 50_000))
    assert np.abs(counts - 5_000).max() < 5 * 67


def test_values_are_within_their_ranges() -> None:
    """Prices are 12 to 180 in whole cents, weights 80 to 3,000 g in tens."""
    catalogue = _catalogue(sku_count=2_000)
    assert (catalogue.value_micros % 10_000 == 0).all()
    assert 12_000_000 <= catalogue.value_micros.min() < 13_000_000
    assert 170_000_000 < catalogue.value_micros.max() <= 180_000_000
    assert (catalogue.weight_grams % 10 == 0).all()
    assert catalogue.weight_grams.min() >= 80
    assert catalogue.weight_grams.max() <= 3_000


def test_names_sort_as_they_rank() -> None:
    """Zero-padded to the count, so that text order is rank order, past 99,999 too."""
    assert _catalogue(sku_count=12).names[9:] == ("SKU00010", "SKU00011", "SKU00012")
    names = _catalogue(sku_count=100_001).names
    assert names[-1] == "SKU100001"
    assert list(names) == sorted(names)
