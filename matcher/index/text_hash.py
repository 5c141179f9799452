"""Whether texts are all different, without making any of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.index.text_hash_kernel import text_hash_kernel

HashArray = NDArray[np.uint64]


def text_hashes(offsets: NDArray[np.int32], data: NDArray[np.uint8]) -> HashArray:
    """
    Hash texts by their bytes.

    Parameters
    ----------
    offsets
        ``int32 (n + 1,)``, not falling, from 0 to the length of the data.
    data
        The bytes of all texts, one behind the other.

    Returns
    -------
    numpy.ndarray
        ``uint64 (n,)``, the same for the same text on every machine.
    """
    out = np.empty(len(offsets) - 1, np.uint64)
    text_hash_kernel(offsets, data, out)
    return out


def may_repeat(hashes: HashArray) -> bool:
    """Return whether two texts may be the same; if not, all of them are different."""
    ordered = np.sort(hashes)
    return bool((ordered[1:] == ordered[:-1]).any())
