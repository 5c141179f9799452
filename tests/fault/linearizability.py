"""Whether calls that overlap can have happened one after the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True)
class Call(Generic[S]):
    """
    One call as its caller saw it.

    Parameters
    ----------
    invoked, returned
        When it was made and answered, by one clock; infinity if nobody knows whether
        it was carried out: it may have been at any time since, or never.
    apply
        What it does to a state, and what it then answers.
    answer
        What was answered; of no meaning where nobody knows.
    """

    invoked: float
    returned: float
    apply: Callable[[S], tuple[S, object]]
    answer: object

    @property
    def is_known(self) -> bool:
        """Whether it was answered."""
        return self.returned != float("inf")


def is_linearizable(calls: Sequence[Call[S]], start: S) -> bool:
    """
    Return whether some order of the calls explains every answer.

    An order in which no call comes before one that had been answered when it was made
    (Herlihy and Wing, 1990). Searched from the front, as Wing and Gong do (1993), with
    Lowe's memory of what was tried (2017): exponential at worst in the calls that
    overlap, so to be asked of short histories.
    """
    calls = sorted(calls, key=lambda call: call.invoked)
    everyone = frozenset(at for at, call in enumerate(calls) if call.is_known)
    tried: set[tuple[frozenset[int], S]] = set()
    stack: list[tuple[frozenset[int], S]] = [(frozenset(), start)]
    while stack:
        done, state = stack.pop()
        if done >= everyone:
            return True
        if (done, state) in tried:
            continue
        tried.add((done, state))
        stack.extend(_next(calls, done, state))
    return False


def _next(
    calls: Sequence[Call[S]], done: frozenset[int], state: S
) -> list[tuple[frozenset[int], S]]:
    found = []
    # Whoever was made after another one had been answered comes after it.
    horizon = min(
        (call.returned for at, call in enumerate(calls) if at not in done),
        default=float("inf"),
    )
    for at, call in enumerate(calls):
        if at in done or call.invoked > horizon:
            continue
        after, answer = call.apply(state)
        if not call.is_known or answer == call.answer:
            found.append((done | {at}, after))
    return found
