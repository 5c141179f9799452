"""Sets of reasons as bits."""

from __future__ import annotations

import numpy as np

from matcher.domain.reason import ReasonCode
from matcher.simulate.whatif.codes import bit, bits_of, codes_of, count_codes


def test_every_code_has_a_bit_of_its_own() -> None:
    """All codes together come back as they were, in 63 bits."""
    every = bits_of(ReasonCode)
    assert codes_of(every) == tuple(ReasonCode)
    assert every < 1 << 63
    assert len({bit(code) for code in ReasonCode}) == len(ReasonCode)
    assert codes_of(0) == ()


def test_sets_are_counted() -> None:
    """An item with two reasons counts for both."""
    late, none = ReasonCode.DECIDE_BY_REACHED, ReasonCode.NO_DEMAND
    sets = np.array([bits_of([late, none]), bit(late), 0], np.int64)
    assert count_codes(sets) == ((none, 1), (late, 2))
