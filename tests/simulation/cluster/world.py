"""A world in which one of the sides is a cluster."""

from __future__ import annotations

from matcher.domain.errors import UnavailableError
from matcher.engine.round_task import solve_round
from matcher.engine.shard import Shard
from server.runtime.work import Work
from tests.scenarios import TENANT
from tests.simulation.cluster.cluster import Cluster
from tests.simulation.world import World


class ClusterWorld(World):
    """
    A cluster beside a shard that nothing befalls, and the model.

    Parameters
    ----------
    cluster
        The side that crashes.
    """

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.cluster = cluster
        cluster.is_still = lambda: self.in_flight is not None or self.is_asking

    def check_memory(self) -> None:
        """Compare memory, and what a store on disk says (I4, I12)."""
        super().check_memory()
        self.cluster.check_disk()

    def lose_round(self) -> None:
        """Lose a round to a crash, or to a server that took the shard over."""
        flight = self.in_flight
        if flight is None:
            return
        solved, old = solve_round(flight.crashing), self.cluster.take_over()
        written = len(self.cluster.history)

        def finish(shard: Shard, now_us: int) -> object:
            return shard.finish_round(solved, now_us)

        (done,) = old.process([Work(TENANT, finish)])
        assert isinstance(done.error, UnavailableError)
        assert len(self.cluster.history) == written, "an old owner's round was stored"
        super().lose_round()
        self.met["round of an old owner refused"] += 1
