"""Which calls go over to the server now, and which wait in the wire process."""

from __future__ import annotations

import asyncio
from collections import deque

#: Calls that may have gone over before the server has begun them. Few: those behind
#: them, and probes, wait for all of these; and a caller that leaves meanwhile has cost
#: the server nothing. Not too few: it is to find work when its turn comes.
AHEAD_MAX = 32


class Turns:
    """
    Lets calls go over in the order in which they came, a few ahead of the server.

    Parameters
    ----------
    waiting_max
        Calls that may wait for their turn.
    ahead_max
        Calls that may have gone over before they have begun.
    """

    def __init__(self, waiting_max: int, ahead_max: int = AHEAD_MAX) -> None:
        self._waiting_max = waiting_max
        self._ahead_max = ahead_max
        self._ahead = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def is_full(self) -> bool:
        """Say whether one more may not wait."""
        return len(self._waiting) >= self._waiting_max

    async def take(self) -> None:
        """Wait for a turn."""
        if self._ahead < self._ahead_max and not self._waiting:
            self._ahead += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # It was its turn, and nobody goes: the next one may.
                self.begun(1)
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def go_before(self) -> None:
        """Go over at once, before all that wait."""
        self._ahead += 1

    def begun(self, count: int) -> None:
        """Take note that the server has begun so many, and let others go."""
        self._ahead -= count
        while self._waiting and self._ahead < self._ahead_max:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._ahead += 1
