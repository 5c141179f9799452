"""Many ids in few statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

#: Ids per statement; SQLite takes at most 32,766 parameters in one.
IDS_MAX = 1_000


def id_batches(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Yield ids in order, each once, so many at a time that a statement takes them."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), IDS_MAX):
        yield ordered[start : start + IDS_MAX]
