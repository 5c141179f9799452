"""Kernel that hashes texts by their bytes."""

from __future__ import annotations

import numpy as np
from numba import njit

# FNV-1a of 64 bits.
_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)


@njit(cache=True, nogil=True)
def text_hash_kernel(offsets, data, out):
    """Write the hash of ``data[offsets[i]:offsets[i + 1]]`` to ``out[i]``, uint64."""
    for i in range(len(out)):
        value = _BASIS
        for at in range(offsets[i], offsets[i + 1]):
            value = (value ^ np.uint64(data[at])) * _PRIME
        out[i] = value
