"""What makes a round of a variant due."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.domain.ids import ReturnId
from matcher.domain.policy import Policy
from matcher.engine.round_clock import RoundClock

IntArray = NDArray[np.int64]


class Watch:
    """Looks away: the rounds of a life are known beforehand."""

    def changed(self) -> None:
        """Note that another round may find something else."""

    def entered(self, rows: IntArray, deadline_us: IntArray) -> None:
        """Note items that joined the pool, each with when it has to leave."""

    def left(self, rows: IntArray) -> None:
        """Note items that left the pool."""

    def began(self, now_us: int) -> None:
        """Note that a round began."""

    def again(self, at_us: int) -> None:
        """Note that another round may find something else from an instant on."""


class RoundWatch(Watch):
    """Tells the engine's own clock of rounds, so that they begin when it says."""

    def __init__(self, now_us: int, lead_us: int) -> None:
        self._clock = RoundClock(now_us, lead_us)

    def changed(self) -> None:
        """Note that another round may find something else."""
        self._clock.changed()

    def entered(self, rows: IntArray, deadline_us: IntArray) -> None:
        """Note items that joined the pool, each with when it has to leave."""
        pairs = zip(rows.tolist(), deadline_us.tolist(), strict=True)
        self._clock.entered((_key(row), leave_us) for row, leave_us in pairs)

    def left(self, rows: IntArray) -> None:
        """Note items that left the pool."""
        for row in rows.tolist():
            self._clock.left(_key(row))

    def began(self, now_us: int) -> None:
        """Note that a round began."""
        self._clock.began(now_us)

    def again(self, at_us: int) -> None:
        """Note that another round may find something else from an instant on."""
        self._clock.again(at_us)

    def due_us(self, policy: Policy, pool_count: int) -> int | None:
        """Return when the next round is due; ``None``: not before something changes."""
        return self._clock.due_us(policy, pool_count)


def _key(row: int) -> ReturnId:
    return ReturnId(str(row))
