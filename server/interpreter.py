"""The interpreter's own settings, for a process that holds millions of objects."""

from __future__ import annotations

import gc
import sys

# The interpreter hands the lock over this often, so that short calls do not wait
# long behind Python code of a round.
_SWITCH_S = 0.0005

# Allocations between collections of the youngest objects, and how many of those
# come before the next older ones. The oldest are left alone: a pool of a million
# records has no cycles, and walking it holds the lock for half a second.
_COLLECT = (10_000, 10, 1_000_000)


def tune_interpreter() -> None:
    """Let calls of a server run beside a round, over a large pool."""
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(*_COLLECT)
