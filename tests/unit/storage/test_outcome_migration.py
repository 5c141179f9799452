"""A store from before there were outcomes: what its returns count as is filled in."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from matcher.domain.item import Fact, ItemAttributes, VerificationStatus
from matcher.domain.item_outcome import Arrival, ItemOutcome
from matcher.domain.return_item import ReturnState
from matcher.engine.commands import (
    CancelReturn,
    ConfirmMatch,
    RecordOutcome,
    UpsertWarehouse,
)
from server.storage.opening import open_store
from tests.scenarios import (
    HOUR_US,
    TENANT,
    RunningShard,
    demand,
    policy,
    return_item,
    verification,
    warehouse,
)
from tests.scenarios.older_store import take_back


def _life() -> RunningShard:
    # Returns in every state but COMPLETED, which the older version did not have.
    shard = RunningShard()
    shard.apply(UpsertWarehouse(warehouse()))
    shard.activate(policy(rollout_basis_points=7_000))
    names = [f"r{number}" for number in range(12)]
    shard.upsert(*(demand(f"d{name}", 2_000.0) for name in names[:4]))
    failed = verification(status=VerificationStatus.FAILED)
    damaged = ItemAttributes(*[Fact.NO] * 3, damaged=Fact.YES)
    shard.submit(
        *(return_item(name, customer_id=f"c{name}") for name in names),
        return_item("failed", verification=failed),
        return_item("damaged", attributes=damaged),
    )
    shard.now_us += HOUR_US
    shard.round()
    matched = [
        record
        for record in shard.store.rows.returns.values()
        if record.state is ReturnState.MATCHED
    ]
    shard.apply(ConfirmMatch(matched[0].match_id))
    waiting = [
        record.item.return_id
        for record in shard.store.rows.returns.values()
        if record.state is ReturnState.WAITING
    ]
    shard.apply(CancelReturn(waiting[0]))
    return shard


def _facts(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT * FROM return_facts ORDER BY return_id"
        ).fetchall()


def _made_older(path: Path) -> None:
    # As the version before wrote it.
    with closing(sqlite3.connect(path)) as connection, connection:
        for return_id, document in connection.execute(
            "SELECT return_id, document FROM returns"
        ).fetchall():
            record = json.loads(document)
            del record["standing"], record["outcome_record"]
            connection.execute(
                "UPDATE returns SET document = ? WHERE return_id = ?",
                (json.dumps(record), return_id),
            )
    take_back(path, "0005")


def test_an_older_store_counts_its_returns_as_a_new_one_does(tmp_path: Path) -> None:
    """Facts and records are those that this version writes itself, row by row."""
    path = tmp_path / "store.db"
    shard = _life()
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.commit([(TENANT, shard.store.rows)])
        before = store.load(TENANT).returns
    facts = _facts(path)
    assert len({row[7] for row in facts}) == 5
    _made_older(path)
    with closing(open_store(f"sqlite:///{path}")) as store:
        assert store.load(TENANT).returns == before
        for return_id, record in shard.store.rows.returns.items():
            assert store.return_item(TENANT, return_id) == record
    assert _facts(path) == facts


def test_a_hand_over_of_before_gets_its_outcome(tmp_path: Path) -> None:
    """A return that was confirmed under the version before completes under this one."""
    path = tmp_path / "store.db"
    shard = _life()
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.commit([(TENANT, shard.store.rows)])
    _made_older(path)
    open_store(f"sqlite:///{path}").close()
    (record,) = [
        record
        for record in shard.store.rows.returns.values()
        if record.state is ReturnState.CONFIRMED
    ]
    outcome = ItemOutcome(shard.now_us, Arrival.ARRIVED)
    shard.apply(RecordOutcome(outcome, record.item.return_id))
    with closing(open_store(f"sqlite:///{path}")) as store:
        found = store.archive(TENANT).returns([record.item.return_id])
    assert found[record.item.return_id].standing == record.standing
    assert record.standing.matched_us is not None
