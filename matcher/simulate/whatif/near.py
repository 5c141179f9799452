"""Which items a change of a demand may concern."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.simulate.whatif.pairs import Pairs
from matcher.simulate.whatif.terms import ranges

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Pairs by the demand's state: ``int64 (v + 1,)`` and ``int32 (e,)``."""

    offsets: IntArray
    row: NDArray[np.int32]

    @classmethod
    def of(cls, pairs: Pairs, state_count: int) -> Near:
        """Turn pairs around."""
        offsets = np.zeros(state_count + 1, np.int64)
        counts = np.bincount(pairs.state, minlength=state_count)
        np.cumsum(counts, out=offsets[1:])
        return cls(offsets, pairs.row[np.argsort(pairs.state, kind="stable")])

    def rows(self, states: IntArray) -> NDArray[np.int32]:
        """Return the items with a pair with any of some demands, repeats among them."""
        start, stop = self.offsets[states], self.offsets[states + 1]
        _, at = ranges(states, start, stop)
        return self.row[at]
