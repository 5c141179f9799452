"""One server of a cluster: its leases and its shards, without its sockets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matcher.domain.errors import UnavailableError
from matcher.engine.limits import ShardLimits
from matcher.engine.shard import Shard
from server.runtime.limits_of import same_limits
from server.runtime.ownership import Ownership
from server.runtime.shard_host import ShardHost
from server.runtime.work import Done, Work
from tests.scenarios import TENANT
from tests.simulation.cluster.disk import Disk

TTL_US = 5_000_000


class Node:
    """
    A server that lives until it crashes, and may sleep meanwhile.

    Parameters
    ----------
    disk
        The store that it shares with the others.
    name
        Its own.
    clock, monotonic
        The two clocks of its machine.
    limits
        Of its shards.
    host_type
        What hosts its shards; tests of the tests put in one that is wrong.
    """

    def __init__(
        self,
        disk: Disk,
        name: str,
        *,
        clock: Callable[[], int],
        monotonic: Callable[[], int],
        limits: ShardLimits,
        host_type: type[ShardHost] = ShardHost,
    ) -> None:
        self.name = name
        self.is_asleep = False
        self._ownership = Ownership(disk.leases(), name, ttl_us=TTL_US, clock=monotonic)
        self._host = host_type(disk, clock, self._ownership, same_limits(limits))

    @property
    def is_owner(self) -> bool:
        """Whether it believes that the shard is its own."""
        return self._ownership.holds(TENANT)

    def beat(self) -> None:
        """Renew the lease, or take it if it may; asleep it does neither."""
        if not self.is_asleep:
            self._ownership.renew()
            self._ownership.take(TENANT)

    def leave(self) -> None:
        """End in good order."""
        self._ownership.give_back()

    def process(self, group: Sequence[Work]) -> list[Done]:
        """Carry out a group."""
        return self._host.process(group)

    def shard(self) -> Shard:
        """Return the shard that it has, or builds, in memory."""
        return self._host.shard(TENANT)

    def commit(self) -> None:
        """Commit what its shard has changed."""
        (done,) = self.process([Work(TENANT, lambda _shard, _now_us: None)])
        if isinstance(done.error, UnavailableError):
            raise done.error
