"""Sets of reason codes as bits of one number."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from matcher.domain.reason import ReasonCode

#: Position of each code; they have gaps, and 64 bits are enough for all.
_CODES = tuple(ReasonCode)
_BIT = {code: 1 << at for at, code in enumerate(_CODES)}
assert len(_CODES) <= 63, "a set of codes fits into 63 bits"


def bit(code: ReasonCode) -> int:
    """Return the set of one code."""
    return _BIT[code]


def bits_of(codes: Iterable[ReasonCode]) -> int:
    """Return the set of some codes."""
    found = 0
    for code in codes:
        found |= _BIT[code]
    return found


def codes_of(bits: int) -> tuple[ReasonCode, ...]:
    """Return the codes of a set, in their order."""
    return tuple(code for code, its_bit in _BIT.items() if bits & its_bit)


def count_codes(sets: NDArray[np.int64]) -> tuple[tuple[ReasonCode, int], ...]:
    """Return in how many sets each code is, those in any, in their order."""
    counted = ((code, int(np.count_nonzero(sets & b))) for code, b in _BIT.items())
    return tuple((code, count) for code, count in counted if count)
