"""Counts of reasons over the decisions of a plan or round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from matcher.domain.reason import ReasonCode


def count_reasons(
    codes_of_decisions: Iterable[Iterable[ReasonCode]],
) -> tuple[tuple[ReasonCode, int], ...]:
    """Return how many decisions have each reason, in the order of the codes."""
    # Many decisions have the same few reasons: those are counted first.
    alike = Counter(tuple(codes) for codes in codes_of_decisions)
    counts: Counter[ReasonCode] = Counter()
    for codes, count in alike.items():
        counts.update(dict.fromkeys(codes, count))
    return tuple(sorted(counts.items()))
