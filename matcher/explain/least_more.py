"""How many units of a demand, or places of a limit, more get an item matched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matcher.domain.errors import UnavailableError
from matcher.explain.probe import halved
from matcher.solve import Stop
from matcher.solve.marginal import Growth

# So many of each are looked at first; then what is left, by leaps.
_LOOKS = (1, 8, 64)


@dataclass(frozen=True, slots=True)
class Scarce:
    """
    Something of which more could get an item matched.

    Parameters
    ----------
    before
        How many more still make no difference.
    count
        How many more than those are looked at, at most.
    is_chosen
        Whether deciding again with so many more matches the item.
    grown
        The market that grows by it; ``None`` where only deciding again tells.
    """

    before: int
    count: int
    is_chosen: Callable[[int], bool]
    grown: Callable[[], Growth] | None


def least_more(things: Sequence[Scarce], stop: Stop) -> list[tuple[int, int]]:
    """
    Find the least of some things that gets an item matched.

    Parameters
    ----------
    things
        Each by itself.
    stop
        Ends it when it is requested.

    Returns
    -------
    list of tuple
        How many, and of which, by number: of all that may need the fewest. Nothing
        if none of them helps.

    Raises
    ------
    UnavailableError
        If it was stopped.

    Notes
    -----
    One more after the other is let in, and the optimum of all others follows along a
    path each; what that leaves to the item says whether it is matched. Of many places
    those that are worth more to others than one is to the item are let in at once, by a
    solve at that price. Where only the tie rule decides over some numbers in a row, the
    market is solved again at the first, the second, the fourth. Once one is left over,
    more make no difference.

    With what is found the item is matched, and with one less it is not. Mostly no less
    would do; but which optimum is chosen may change back and forth along a tie, and
    beyond a leap others' places may change what the item could have.
    """
    left = dict(enumerate(things))
    for limit in (*_LOOKS, None):
        found: list[tuple[int, int]] = []
        for at, thing in list(left.items()):
            most = thing.count
            if limit is not None:
                most = min(most, limit - thing.before)
            if most <= 0:
                continue
            more = _Search(thing, most, stop).first()
            if more is not None:
                found.append((thing.before + more, at))
            elif most == thing.count:
                del left[at]
        if found:
            return found
    return []


class _Search:
    # For the first number up to a limit.
    def __init__(self, thing: Scarce, limit: int, stop: Stop) -> None:
        self._thing = thing
        self._limit = limit
        self._stop = stop
        # The last number that is known to be too few.
        self._out = 0
        # The first of the tie that the last number belongs to.
        self._tied = 0

    def first(self) -> int | None:
        """Return the number, if there is one."""
        if self._thing.grown is None:
            return self._halved(1, self._limit + 1)
        growth = self._thing.grown()
        if self._limit > _LOOKS[-1]:
            growth = self._ahead(growth)
        is_over = growth.more >= self._limit
        while not is_over:
            if self._stop.is_requested:
                raise UnavailableError("explaining was stopped")
            growth.grow()
            gain = growth.gain()
            is_over = growth.has_left or growth.more >= self._limit
            if gain < 0:
                self._out, self._tied = growth.more, 0
            elif gain > 0 or self._is_chosen(growth.more, is_over):
                return self._halved(self._out + 1, growth.more) or growth.more
        return None

    def _is_chosen(self, more: int, is_last: bool) -> bool:
        # At the first of a tie, the second, the fourth; and where it is the last.
        self._tied = self._tied or more
        length = more - self._tied + 1
        if not is_last and length & (length - 1):
            return False
        if self._thing.is_chosen(self._thing.before + more):
            return True
        self._out = more
        return False

    def _ahead(self, growth: Growth) -> Growth:
        # Past all that is worth more to others, as long as that leaves the item out.
        end = growth.at_price(0, self._stop)
        if end is not None:
            end.grow()
            if end.gain() < 0:
                return end
        while not growth.has_left:
            there = growth.at_price(max(0, growth.worth()), self._stop)
            if there is None or there.gain() >= 0:
                break
            growth = there
        self._out = growth.more
        return growth

    def _halved(self, start: int, end: int) -> int | None:
        before, is_chosen = self._thing.before, self._thing.is_chosen
        at = halved(end - start, lambda at: is_chosen(before + start + at))
        return None if at is None else start + at
