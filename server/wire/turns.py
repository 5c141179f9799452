"""Which calls go over to the server now, and which wait in the wire process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

#: Calls that may have gone over before the server has begun them. Few: those behind
#: them, and probes, wait for all of these; and a caller that leaves meanwhile has cost
#: the server nothing. Not too few: it is to find work when its turn comes.
AHEAD_MAX = 32

#: The same while calls come by several connections: whoever comes next waits for those
#: that are ahead, whoever's they are.
SHARED_AHEAD_MAX = 8

# For how long a connection counts after its last call.
_OF_LATE_S = 1.0

# Connections that are remembered; beyond it there are several, whoever is forgotten.
_PEERS_MAX = 1_000


class Turns:
    """
    Lets calls go over a few ahead of the server, connections taking turns.

    Calls of one connection keep their order. Whose calls they are is not known here:
    a caller that floods its own connection leaves others their turns, and one that
    opens many is bounded where callers are known.

    Parameters
    ----------
    waiting_max
        Calls that may wait for their turn.
    ahead_max, shared_ahead_max
        Calls that may have gone over before they have begun, of one connection and
        where there are several.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self,
        waiting_max: int,
        ahead_max: int = AHEAD_MAX,
        shared_ahead_max: int = SHARED_AHEAD_MAX,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._waiting_max = waiting_max
        self._ahead_max = ahead_max
        self._shared_ahead_max = min(ahead_max, shared_ahead_max)
        self._clock = clock
        self._ahead = 0
        self._waiting_count = 0
        # In the order of their turns; the first one is next.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._called_s: dict[str, float] = {}

    def is_full(self) -> bool:
        """Say whether one more may not wait."""
        return self._waiting_count >= self._waiting_max

    async def take(self, peer: str) -> None:
        """Wait for a turn of a connection."""
        self._note(peer)
        if not self._waiting_count and self._ahead < self._room():
            self._ahead += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(peer, deque()).append(turn)
        self._waiting_count += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                # Left where it is, and passed over when its turn comes.
                self._waiting_count -= 1
            else:
                # It was its turn, and nobody goes: the next one may.
                self.begun(1)
            raise

    def go_before(self) -> None:
        """Go over at once, before all that wait."""
        self._ahead += 1

    def begun(self, count: int) -> None:
        """Take note that the server has begun so many, and let others go."""
        self._ahead -= count
        room = self._room()
        while self._ahead < room and (turn := self._next()) is not None:
            self._waiting_count -= 1
            self._ahead += 1
            turn.set_result(None)

    def _next(self) -> asyncio.Future[None] | None:
        while self._waiting:
            peer, turns = next(iter(self._waiting.items()))
            del self._waiting[peer]
            while turns:
                turn = turns.popleft()
                if not turn.done():
                    if turns:
                        # Behind all others: its next turn comes after theirs.
                        self._waiting[peer] = turns
                    return turn
        return None

    def _note(self, peer: str) -> None:
        if len(self._called_s) >= _PEERS_MAX and peer not in self._called_s:
            self._called_s.clear()
        self._called_s[peer] = self._clock()

    def _room(self) -> int:
        if len(self._called_s) > 1:
            since_s = self._clock() - _OF_LATE_S
            late = [each for each, at_s in self._called_s.items() if at_s < since_s]
            for each in late:
                del self._called_s[each]
        return self._ahead_max if len(self._called_s) <= 1 else self._shared_ahead_max
