"""One life of a cluster, from a seed."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from server.runtime.shard_host import ShardHost
from server.storage.opening import open_store
from tests.simulation.cluster.cluster import Cluster
from tests.simulation.cluster.disk import Disk
from tests.simulation.cluster.world import ClusterWorld
from tests.simulation.moves import Moves
from tests.simulation.past_checks import check_replay
from tests.simulation.world import LIMITS

# In memory where there is such a folder: what crashes are processes, not machines.
_SHM = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it


def live(
    seed: int,
    steps: int,
    *,
    store_url: str = "",
    host_type: type[ShardHost] = ShardHost,
    disk_type: type[Disk] = Disk,
) -> Counter[str]:
    """
    Live a life and check it after every step; return what it met.

    Parameters
    ----------
    seed, steps
        Which life: the same ones give the same, on every store.
    store_url
        A store that is not there yet; a file of its own if empty.
    host_type, disk_type
        Parts that tests of the tests put wrong ones in for.

    Raises
    ------
    AssertionError
        With the seed and the step, if something does not hold.
    """
    with (
        TemporaryDirectory(dir=_SHM if _SHM.is_dir() else None) as folder,
        closing(open_store(store_url or f"sqlite:///{folder}/store.db")) as store,
    ):
        cluster = Cluster(
            store._database,
            random.Random(seed),
            LIMITS,
            host_type=host_type,
            disk_type=disk_type,
        )
        world = ClusterWorld(cluster)
        step = 0
        try:
            moves = Moves(world, seed, erasures=1)
            moves.start()
            for step in range(steps):
                moves.step()
                if step % 10 == 0:
                    world.check_memory()
            world.end()
            check_replay(cluster.history, LIMITS, len(cluster.history) // 2)
        except Exception as error:
            error.add_note(f"seed {seed}, step {step}")
            raise
        return world.met + cluster.met
