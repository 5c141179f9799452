"""Searches for the least number that does, by halves and by doubling."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matcher.explain.probe import doubled, halved


@pytest.mark.parametrize("search", [halved, doubled])
def test_the_least_is_found(
    search: Callable[[int, Callable[[int], bool]], int | None],
) -> None:
    """Every size and every answer up to 40; nothing outside of them is asked."""
    for count in range(40):
        for least in range(45):
            asked: list[int] = []

            def holds(at: int, asked: list[int] = asked, least: int = least) -> bool:
                asked.append(at)
                return at >= least

            assert search(count, holds) == (least if least < count else None)
            assert all(0 <= at < count for at in asked)


def test_a_small_number_is_found_soon() -> None:
    """Doubling asks once for 0, and of a million not more than twice for 1."""
    for least, most in ((0, 1), (1, 2), (2, 4)):
        asked: list[int] = []

        def holds(at: int, asked: list[int] = asked, least: int = least) -> bool:
            asked.append(at)
            return at >= least

        assert doubled(10**6, holds) == least
        assert len(asked) <= most


def test_where_more_does_less_the_least_is_still_found() -> None:
    """Limits may make it so: one unit helps, many help others first."""
    assert doubled(64, lambda at: at < 3) == 0
    assert halved(64, lambda at: at < 3) is None
