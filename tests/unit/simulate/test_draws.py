"""Seeded draws."""

from __future__ import annotations

import numpy as np

from matcher.simulate.draws import Draws, whole_bounds


def _draws(seed: int) -> Draws:
    return Draws(np.random.default_rng(seed))


def test_stream_is_pinned() -> None:
    """Seed 1 gives these numbers on every machine: the first of PCG64's stream."""
    assert _draws(1).whole(0, 999, 5).tolist() == [511, 950, 144, 948, 311]
    assert _draws(1).index([1, 1, 2], 5).tolist() == [2, 2, 0, 2, 1]


def test_whole_reaches_both_ends_evenly() -> None:
    """Of 60,000 dice, each face is within five standard deviations of 10,000."""
    counts = np.bincount(_draws(2).whole(1, 6, 60_000), minlength=7)
    assert counts[0] == 0
    assert np.abs(counts[1:] - 10_000).max() < 5 * 92


def test_index_follows_the_weights() -> None:
    """Weights 0, 1, 3 of 40,000 draws give 0, about 10,000 and the rest."""
    counts = np.bincount(_draws(3).index([0, 1, 3], 40_000), minlength=3)
    assert counts[0] == 0
    assert abs(counts[1] - 10_000) < 5 * 87


def test_spell_lies_in_its_bands() -> None:
    """Spans of 1 to 2 or 10 to 11 hours are whole seconds and never in between."""
    spans = _draws(4).spell_us([(1, 2, 1), (10, 11, 1)], 5_000)
    assert (spans % 1_000_000 == 0).all()
    hours = spans / 3_600_000_000
    early = (hours >= 1) & (hours < 2)
    assert (early | ((hours >= 10) & (hours < 11))).all()
    assert 2_200 < early.sum() < 2_800


def test_each_value_takes_one_double() -> None:
    """After drawing four values of any kind the generator stands at its fifth."""
    fifth = np.random.default_rng(5).random(5)[4]
    for method in (
        lambda draws: draws.uniform(4),
        lambda draws: draws.chance(0.5, 4),
        lambda draws: draws.whole(1, 6, 4),
        lambda draws: draws.index([1, 2], 4),
        lambda draws: draws.pick((("a", 1), ("b", 2)), 4),
    ):
        draws = _draws(5)
        method(draws)
        assert draws.uniform(1)[0] == fifth


def test_bounds_forget_the_last_bit() -> None:
    """Weights that differ by one part in 10**15 have the same integer bounds."""
    weights = np.arange(1, 1_000) ** -1.1
    nudged = weights * (1 + 1e-15)
    assert (whole_bounds(weights) == whole_bounds(nudged)).all()
