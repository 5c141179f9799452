"""One state and one route of each return item, and what follows from them."""

from __future__ import annotations

from collections import Counter

from matcher.domain.decision import Outcome
from matcher.domain.match import HoldState
from matcher.domain.return_item import ReturnState
from matcher.domain.shadow import ShadowState
from matcher.engine.records import ReturnRecord
from server.storage import codec
from server.storage.audit.decision_log import DecisionLog
from server.storage.audit.promises import Promises
from server.storage.audit.table_reader import TableReader
from server.storage.facts import fact_row
from server.storage.rows import return_row
from server.storage.shadow_rows import shadow_row
from server.storage.tables import return_facts, returns, shadows, warehouse_days

OUTCOMES = {
    ReturnState.WAITING: Outcome.WAITING,
    ReturnState.MATCHED: Outcome.MATCHED,
    ReturnState.CONFIRMED: Outcome.MATCHED,
    ReturnState.COMPLETED: Outcome.MATCHED,
    ReturnState.WAREHOUSE: Outcome.WAREHOUSE,
    ReturnState.CANCELLED: Outcome.CANCELLED,
}
HOLDS = {
    ReturnState.MATCHED: HoldState.ACTIVE,
    ReturnState.CONFIRMED: HoldState.CONFIRMED,
    ReturnState.COMPLETED: HoldState.CONFIRMED,
}

_NO_RETURN = "its return is not there, or does not read back"


def check_returns(reader: TableReader, log: DecisionLog, promises: Promises) -> None:
    """
    Report return items that are not as their last decision and match say (I1).

    The narrow row that reports count is held against the item, too.
    """
    unseen = dict(log.last)
    # Both are in the order of their ids.
    facts = reader.rows(return_facts)
    fact = next(facts, None)
    for row, record in reader.records(returns, codec.RETURNS, return_row):
        return_id = record.item.return_id
        unseen.pop(return_id, None)
        _check_decision(reader, record, log)
        _check_hold(reader, record, promises)
        while fact is not None and fact.return_id < return_id:
            reader.report(return_facts, fact.return_id, _NO_RETURN)
            fact = next(facts, None)
        if fact is None or fact.return_id != return_id:
            reader.report(return_facts, return_id, "it is not there")
        else:
            made = fact_row(row.tenant, record)
            reader.compare(return_facts, return_id, fact, made)
            fact = next(facts, None)
    while fact is not None:
        reader.report(return_facts, fact.return_id, _NO_RETURN)
        fact = next(facts, None)
    for return_id in unseen:
        reader.report(returns, return_id, "a decision is about it, and it is not there")


def _check_decision(
    reader: TableReader, record: ReturnRecord, log: DecisionLog
) -> None:
    return_id = record.item.return_id
    last = log.last.get(return_id)
    if last is None:
        reader.report(returns, return_id, "it has no decision")
        return
    if record.decision_id != last.decision_id:
        reader.report(
            returns,
            return_id,
            f"decision_id is {record.decision_id!r}, the last is {last.decision_id!r}",
        )
    if last.outcome is not OUTCOMES.get(record.state):
        reader.report(
            returns,
            return_id,
            f"it is {record.state.name}, its last decision says {last.outcome.name}",
        )


def _check_hold(reader: TableReader, record: ReturnRecord, promises: Promises) -> None:
    return_id = record.item.return_id
    match_id, hold = promises.hold.get(return_id, ("", None))
    wanted = HOLDS.get(record.state)
    if hold is not wanted:
        reader.report(
            returns,
            return_id,
            f"it is {record.state.name}, and its hold is "
            f"{hold.name if hold else 'none'}",
        )
    elif hold is not None and record.match_id != match_id:
        reader.report(
            returns,
            return_id,
            f"match_id is {record.match_id!r}, its hold is {match_id!r}",
        )


def check_shadows(reader: TableReader, log: DecisionLog) -> None:
    """Report shadows of no return item, and those that end without a result."""
    for _, shadow in reader.records(shadows, codec.SHADOWS, shadow_row):
        if shadow.return_id not in log.last:
            reader.report(shadows, shadow.return_id, "there is no such return")
        if (shadow.result is None) != (shadow.state is ShadowState.OPEN):
            reader.report(
                shadows,
                shadow.return_id,
                f"it is {shadow.state.name} "
                f"{'without' if shadow.result is None else 'with'} a result",
            )


def check_warehouses(reader: TableReader, log: DecisionLog) -> None:
    """Report days of a warehouse that are not what the decisions routed there (I3)."""
    left = Counter(log.routed)
    for row in reader.rows(warehouse_days):
        counted = left.pop((row.day, row.warehouse_id), 0)
        if row.routed_count != counted:
            reader.report(
                warehouse_days,
                (row.day, row.warehouse_id),
                f"routed_count is {row.routed_count}, of the decisions {counted}",
            )
    for key, counted in left.items():
        reader.report(warehouse_days, key, f"{counted} decisions count for no row")
