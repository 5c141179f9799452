"""A solver that does not answer until it is let go."""

from __future__ import annotations

import asyncio
import threading

from matcher.engine.round_task import RoundTask, SolvedRound, solve_round
from matcher.solve import Stop

#: Real time after which a test gives up; nothing is measured by it.
PATIENCE_S = 30


class HungSolver:
    """Stands for `solve_round`: hears nothing, not even its stop, and is counted."""

    def __init__(self) -> None:
        self.is_asked = threading.Event()
        self.may_go = threading.Event()
        self.count = 0

    def __call__(self, task: RoundTask, *, threads: int, **_: object) -> SolvedRound:
        """Hang, then solve."""
        self.count += 1
        self.is_asked.set()
        self.may_go.wait(PATIENCE_S)
        return solve_round(task, threads=threads, stop=Stop())

    async def asked(self) -> None:
        """Return once it was asked."""
        assert await asyncio.to_thread(self.is_asked.wait, PATIENCE_S)
