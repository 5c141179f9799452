"""The goods of a scenario: SKUs with popularity, category, price and weight."""

from __future__ import annotations

import numpy as np

from matcher.simulate.draws import Draws, FloatArray, IntArray
from matcher.simulate.params import ScenarioParams

_PRICE_CENTS = (1_200, 18_000)
_WEIGHT_GRAMS = (80, 3_000)
_MICROS_PER_CENT = 10_000


class Catalogue:
    """
    SKUs in the order of their popularity, best seller first.

    Prices are log-uniform from 12 to 180 currency units, in whole cents; weights
    are log-uniform from 80 g to 3 kg, in steps of 10 g. Neither depends on the
    category.

    Parameters
    ----------
    params
        How many SKUs, how skewed, in which categories.
    draws
        Two doubles per SKU.

    Attributes
    ----------
    names : tuple of str
        ``SKU00001`` and so on, ``(n,)``.
    category : tuple of str
        Of each SKU, ``(n,)``.
    popularity : numpy.ndarray
        Weight of each SKU, ``float64 (n,)``.
    value_micros, weight_grams : numpy.ndarray
        Of each SKU, ``int64 (n,)``.
    """

    def __init__(self, params: ScenarioParams, draws: Draws) -> None:
        count = params.sku_count
        width = max(5, len(str(count)))
        self.names = tuple(f"SKU{number:0{width}d}" for number in range(1, count + 1))
        self.popularity = np.arange(1, count + 1, dtype=np.float64) ** -params.sku_skew
        self.category = _categories(self.popularity, params.categories)
        self.value_micros = _MICROS_PER_CENT * _log_uniform(draws, _PRICE_CENTS, count)
        self.weight_grams = _log_uniform(draws, _WEIGHT_GRAMS, count) // 10 * 10

    def draw(self, draws: Draws, count: int) -> IntArray:
        """Draw indices of SKUs in proportion to their popularity."""
        return draws.index(self.popularity, count)


def _log_uniform(draws: Draws, bounds: tuple[int, int], count: int) -> IntArray:
    low, high = bounds
    return np.rint(low * (high / low) ** draws.uniform(count)).astype(np.int64)


# Best seller first, each SKU goes to the category that lacks most of its share, so
# that shares hold however skewed the popularity and however few the SKUs.
def _categories(popularity: FloatArray, names: tuple[str, ...]) -> tuple[str, ...]:
    share = 1.0 / np.arange(1, len(names) + 1)
    lack = share / share.sum() * popularity.sum()
    chosen = []
    for weight in popularity.tolist():
        at = int(lack.argmax())
        lack[at] -= weight
        chosen.append(names[at])
    return tuple(chosen)
