"""What waits, tenant by tenant, and whose turn it is: by what each has cost so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from matcher.domain.ids import TenantId

T = TypeVar("T")

#: Whole numbers all the way: what a cost is multiplied by before it is divided.
_SCALE = 1_000


def equal_weight(_tenant: TenantId) -> int:
    """Give every tenant the same share."""
    return 1


class FairOrder(Generic[T]):
    """
    A queue for each tenant, served in the order of start-time fair queueing [1]_.

    Each tenant with something waiting has a tag: the virtual time at which its first
    item starts. The least tag is served, of equal ones that of the tenant first by
    name; what the item costs, by the tenant's weight, moves its tag on. Virtual time is
    the tag of the last that was served. A tenant that comes back starts there, and not
    at its old tag: it has saved up nothing by keeping away. Over any span in which two
    tenants have something waiting, what they got by their weights differs by no more
    than one item of each (theorem 1 of the paper).

    What an item costs is known once it is done. So it is charged by what its tenant's
    items have cost of late, and the difference follows.

    Parameters
    ----------
    weight
        Gives the share of a tenant, 1 or more; asked anew at each charge.

    Notes
    -----
    Deterministic: no clock, and integers only. ``take`` costs a look at each tenant
    that has something waiting.

    References
    ----------
    .. [1] Goyal, Vin, Cheng, Start-time Fair Queuing: A Scheduling Algorithm for
       Integrated Services Packet Switching Networks, SIGCOMM 1996.
       DOI 10.1145/248156.248171.
    """

    def __init__(self, weight: Callable[[TenantId], int] = equal_weight) -> None:
        self._weight = weight
        self._waiting: dict[TenantId, deque[T]] = {}
        self._tags: dict[TenantId, int] = {}
        self._virtual = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def count(self, tenant: TenantId) -> int:
        """Return how many items of a tenant wait."""
        return len(self._waiting.get(tenant, ()))

    def counts(self) -> dict[TenantId, int]:
        """Return how many items of each tenant wait, where any do; from any thread."""
        return {each: len(items) for each, items in self._waiting.copy().items()}

    def first(self, tenant: TenantId) -> T | None:
        """Return the first of a tenant that waits; ``None`` for none."""
        waiting = self._waiting.get(tenant)
        return waiting[0] if waiting else None

    def put(self, tenant: TenantId, item: T) -> None:
        """Let an item wait behind the others of its tenant."""
        waiting = self._waiting.get(tenant)
        if waiting is None:
            if not self._waiting:
                # Nobody waits, so nobody is owed anything: all start alike.
                self._virtual = max(self._tags.values(), default=0)
            waiting = self._waiting[tenant] = deque()
            self._tags[tenant] = max(self._tags.get(tenant, 0), self._virtual)
        waiting.append(item)
        self._count += 1

    def next_tenant(
        self, may: Callable[[TenantId], bool] = lambda _: True
    ) -> TenantId | None:
        """Return whose turn it is of those that may; ``None`` if nobody waits."""
        # A tenant is known by its tag first, by its name where tags are equal.
        tags = self._tags
        return min(
            (each for each in self._waiting if may(each)),
            key=lambda each: (tags[each], each),
            default=None,
        )

    def take(self, tenant: TenantId) -> T:
        """Take the first item of a tenant, whose turn it is."""
        waiting = self._waiting[tenant]
        item = waiting.popleft()
        self._virtual = max(self._virtual, self._tags[tenant])
        self._count -= 1
        if not waiting:
            del self._waiting[tenant]
        return item

    def charge(self, tenant: TenantId, cost: int) -> None:
        """Add what an item of a tenant has cost; less than nothing takes back."""
        self._tags[tenant] += cost * _SCALE // self._weight(tenant)
