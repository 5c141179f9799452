"""Searches for the least number that does, by halves and from one on."""

from __future__ import annotations

from collections.abc import Callable

from matcher.explain.least_more import Scarce, least_more
from matcher.explain.probe import halved
from matcher.solve import Stop


def test_the_least_is_found() -> None:
    """Every size and every answer up to 40; nothing outside of them is asked."""
    for count in range(40):
        for least in range(45):
            asked: list[int] = []

            def holds(at: int, asked: list[int] = asked, least: int = least) -> bool:
                asked.append(at)
                return at >= least

            assert halved(count, holds) == (least if least < count else None)
            assert all(0 <= at < count for at in asked)


def _scarce(is_chosen: Callable[[int], bool], before: int = 0) -> Scarce:
    return Scarce(before, 100, is_chosen, None)


def test_where_more_does_less_the_least_is_still_found() -> None:
    """Limits may make it so: one unit helps, many help others first."""
    assert least_more([_scarce(lambda more: more < 3)], Stop()) == [(1, 0)]
    assert halved(64, lambda at: at < 3) is None


def test_of_several_those_that_need_few() -> None:
    """Of 90, 20 and 12 the last two are looked at together; of none there is none."""
    things = [
        _scarce(lambda more, least=least: more >= least) for least in (90, 20, 12)
    ]
    assert least_more(things, Stop()) == [(20, 1), (12, 2)]
    assert least_more(things[:1], Stop()) == [(90, 0)]
    assert least_more([_scarce(lambda _: False)], Stop()) == []
    assert least_more([], Stop()) == []


def test_what_is_passed_counts() -> None:
    """Five places too many were taken: the first that helps is the sixth."""
    asked: list[int] = []

    def is_chosen(more: int) -> bool:
        asked.append(more)
        return more > 5

    assert least_more([_scarce(is_chosen, 5)], Stop()) == [(6, 0)]
    assert min(asked) == 6
