"""A small life in a store's file: every kind of row, all in order."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from matcher.domain.item import VerificationStatus
from matcher.domain.match import HoldState
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.return_item import ReturnState
from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    ConfirmMatch,
    ReleaseMatch,
    UpsertServiceArea,
    UpsertWarehouse,
)
from server.storage.opening import open_store
from server.storage.sql_store import SqlStore
from tests.scenarios.entities import (
    DAY_US,
    HOUR_US,
    TENANT,
    demand,
    policy,
    return_item,
    service_area,
    verification,
    warehouse,
)
from tests.scenarios.running_shard import RunningShard

_PENDING = VerificationStatus.PENDING


class StoredShard(RunningShard):
    """A running shard whose commits go to a real store, too."""

    def __init__(self, sql: SqlStore) -> None:
        self._sql = sql
        super().__init__()

    def commit(self) -> None:
        """Store what changed in both, then say so."""
        changes = self.shard.take_changes()
        self._sql.commit([(TENANT, changes)])
        self.store.commit(changes)
        self.shard.committed()


def live_in(path: Path) -> RunningShard:
    """Make a store in a file; see :func:`live_on`."""
    return live_on(f"sqlite:///{path}")


def live_on(store_url: str) -> RunningShard:
    """
    Make a store with returns in every state but COMPLETED, over two days.

    Two rounds; of their matches some are confirmed, some released on the same day, and
    holds run out on the next, which frees no place of the first. Some customers are
    kept out, and one warehouse takes the rest.
    """
    with closing(open_store(store_url)) as sql:
        shard = StoredShard(sql)
        shard.apply(UpsertWarehouse(warehouse(daily_capacity=6)))
        shard.apply(UpsertServiceArea(service_area()))
        limits = MatchLimit(LimitScope.DAY, 50), MatchLimit(LimitScope.ZONE, 9, 6)
        shard.activate(policy(rollout_basis_points=7_000, match_limits=limits))
        names = [f"r{number:02d}" for number in range(20)]
        # A later version, in force and rolled out as far.
        shard.activate(policy(rollout_basis_points=7_500, match_limits=limits))
        shard.upsert(
            *(
                demand(f"d{name}", 500.0 * at, quantity=1 + at % 2)
                for at, name in enumerate(names[:10])
            )
        )
        late = shard.now_us + 3 * DAY_US
        shard.submit(
            *(
                return_item(name, 500.0 * at, customer_id=f"c{name}", decide_by_us=late)
                for at, name in enumerate(names)
            ),
            return_item("pending", verification=verification(status=_PENDING)),
        )
        shard.now_us += HOUR_US // 4
        shard.round()
        _settle(shard)
        history = sql.history(TENANT)
        made = history.checkpoint(shard.now_us)
        history.keep(made)
        shard.tick(shard.now_us + DAY_US)
        shard.round()
        shard.tick(shard.now_us + HOUR_US // 4)
        _settle(shard, confirms=1)
    return shard


def _settle(shard: RunningShard, confirms: int = 2) -> None:
    matches = [
        each.match_id
        for each in shard.store.rows.matches.values()
        if each.hold_state is HoldState.ACTIVE
    ]
    for match_id in matches[:confirms]:
        shard.apply(ConfirmMatch(match_id))
    shard.apply(ReleaseMatch(matches[confirms]))
    records = shard.store.rows.returns.values()
    waiting = [
        each.item.return_id for each in records if each.state is ReturnState.WAITING
    ]
    if waiting:
        shard.apply(CancelReturn(waiting[0]))
    demands = shard.store.rows.demands.values()
    is_open = (each for each in demands if each.open_count)
    shard.apply(CancelDemand(next(is_open).demand.demand_id))
