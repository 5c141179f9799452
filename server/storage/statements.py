"""
Every statement of the store, built once and compiled once per database.

A read gives documents unless its comment says otherwise, in an order that is part
of the statement. Parameters are ``tenant`` and what the comment names.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Delete,
    Insert,
    Select,
    Table,
    Text,
    bindparam,
    column,
    delete,
    func,
    insert,
    select,
    table,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql

from matcher.domain.demand import DemandState
from matcher.domain.match import HoldState
from matcher.domain.policy import PolicyState
from matcher.domain.return_item import ReturnState
from matcher.domain.shadow import ShadowState
from server.storage.id_batches import OneOfIds
from server.storage.tables import (
    CLOSED_AND_HELD,
    REVISION_TABLE,
    answers,
    audit_log,
    checkpoints,
    counters,
    decisions,
    demands,
    drop_off_points,
    guardrail_days,
    journal,
    leases,
    match_counts,
    matches,
    metadata,
    policies,
    program_events,
    programs,
    relay_cursors,
    return_facts,
    returns,
    rounds,
    service_areas,
    shadow_units,
    shadows,
    sku_days,
    volume_hours,
    warehouse_days,
    warehouses,
)

Documents = Select[str]

# Of statements that may give more rows than memory should hold twice: rows, and rows
# with blobs, that are fetched at once. A server keeps the rest in a cursor, for which
# they have to run in a transaction.
_ROWS_AT_ONCE = 5_000
_BLOBS_AT_ONCE = 100

_LIMIT = bindparam("limit", type_=BigInteger())


# PostgreSQL's ON CONFLICT, which SQLite has taken over word for word: its dialect
# compiles the same construct.
def _upsert(target: Table) -> Insert:
    keys = list(target.primary_key)
    statement = postgresql.insert(target)
    values = {
        name: statement.excluded[name]
        for name, one in target.columns.items()
        if not one.primary_key
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


def _delete(target: Table) -> Delete:
    # By the whole primary key; parameters are named as its columns.
    return delete(target).where(
        *(one == bindparam(one.name) for one in target.primary_key)
    )


def _documents(source: Table) -> Documents:
    return select(source.c.document).where(source.c.tenant == bindparam("tenant"))


def _one(source: Table, key: Column[Any]) -> Documents:
    return _documents(source).where(key == bindparam("id"))


def _some(source: Table, key: Column[Any]) -> Documents:
    return _documents(source).where(OneOfIds(key))


def _between(source: Table, key: Column[Any]) -> Select[str]:
    ids = select(key).where(source.c.tenant == bindparam("tenant"))
    return ids.where(key >= bindparam("first"), key <= bindparam("last")).limit(1)


def _page(source: Table, key: Column[Any]) -> Documents:
    return (
        _documents(source).where(key > bindparam("after")).order_by(key).limit(_LIMIT)
    )


UPSERTS = {
    one: _upsert(one)
    for one in (
        demands,
        returns,
        return_facts,
        matches,
        policies,
        programs,
        volume_hours,
        guardrail_days,
        sku_days,
        match_counts,
        warehouses,
        service_areas,
        drop_off_points,
        warehouse_days,
        rounds,
        shadows,
        shadow_units,
        relay_cursors,
        counters,
    )
}

DELETES = {
    one: _delete(one)
    for one in (warehouses, service_areas, shadow_units, drop_off_points)
}

# A decision is never replaced: a number or id that is taken is our own bug.
APPEND_DECISIONS = insert(decisions)

# Nor is an event of the program.
APPEND_PROGRAM_EVENTS = insert(program_events)

# Nor is what somebody did.
APPEND_AUDIT_ENTRIES = insert(audit_log)

# The number of the last entry; no row counts as 0.
LAST_AUDIT_NUMBER = select(func.coalesce(func.max(audit_log.c.number), 0)).where(
    audit_log.c.tenant == bindparam("tenant")
)

# Nor is a segment of the journal.
APPEND_JOURNAL = insert(journal)

# A checkpoint after the same entries says the same.
KEEP_CHECKPOINT = postgresql.insert(checkpoints).on_conflict_do_nothing()

# How many entries there ever were: the end of the last segment or, where there is
# none any more, what the last checkpoint is behind; 0 without either.
ENTRY_COUNT = select(
    func.coalesce(
        select(journal.c.number + journal.c.entry_count)
        .where(journal.c.tenant == bindparam("tenant"))
        .order_by(journal.c.number.desc())
        .limit(1)
        .scalar_subquery(),
        select(func.max(checkpoints.c.entry_count))
        .where(checkpoints.c.tenant == bindparam("tenant"))
        .scalar_subquery(),
        0,
    )
)

# Rows of (entry_count, at_us), last first: a few, for they come once a day.
CHECKPOINTS = (
    select(checkpoints.c.entry_count, checkpoints.c.at_us)
    .where(checkpoints.c.tenant == bindparam("tenant"))
    .order_by(checkpoints.c.entry_count.desc())
)

# One row; parameter: entry_count.
CHECKPOINT = select(checkpoints.c.rows).where(
    checkpoints.c.tenant == bindparam("tenant"),
    checkpoints.c.entry_count == bindparam("entry_count"),
)

# Bytes of one checkpoint, parameter entry_count; and of the segments from a number of
# entries on, parameter: after.
CHECKPOINT_SIZE = select(func.length(checkpoints.c.rows)).where(
    checkpoints.c.tenant == bindparam("tenant"),
    checkpoints.c.entry_count == bindparam("entry_count"),
)
JOURNAL_SIZE = select(func.coalesce(func.sum(func.length(journal.c.segment)), 0)).where(
    journal.c.tenant == bindparam("tenant"), journal.c.number >= bindparam("after")
)

# Rows of (number, entry_count, first_us, segment): those with an entry at ``after`` or
# later; parameters: after, limit.
JOURNAL_PAGE = (
    select(
        journal.c.number,
        journal.c.entry_count,
        journal.c.first_us,
        journal.c.segment,
    )
    .where(
        journal.c.tenant == bindparam("tenant"),
        journal.c.number >= bindparam("after"),
    )
    .order_by(journal.c.number)
    .limit(_LIMIT)
)

# Parameter: before, a number of entries. Segments end where checkpoints are.
FORGET_JOURNAL = delete(journal).where(
    journal.c.tenant == bindparam("tenant"), journal.c.number < bindparam("before")
)
FORGET_CHECKPOINTS = delete(checkpoints).where(
    checkpoints.c.tenant == bindparam("tenant"),
    checkpoints.c.entry_count < bindparam("before"),
)

# Rows of (number, segment) from the first on that has an entry at an instant or later;
# parameter: since_us.
JOURNAL_SINCE = (
    select(journal.c.number, journal.c.segment)
    .where(
        journal.c.tenant == bindparam("tenant"),
        journal.c.number
        >= select(func.min(journal.c.number))
        .where(
            journal.c.tenant == bindparam("tenant"),
            journal.c.last_us >= bindparam("since_us"),
        )
        .scalar_subquery(),
    )
    .order_by(journal.c.number)
    .execution_options(yield_per=_BLOBS_AT_ONCE)
)

# All rows of (entry_count, at_us, rows).
CHECKPOINT_ROWS = (
    select(checkpoints.c.entry_count, checkpoints.c.at_us, checkpoints.c.rows)
    .where(checkpoints.c.tenant == bindparam("tenant"))
    .execution_options(yield_per=1)
)

# By the whole key; parameters are named as the columns, with "its_" before the key.
REPLACE_SEGMENT = (
    update(journal)
    .where(
        journal.c.tenant == bindparam("its_tenant"),
        journal.c.number == bindparam("its_number"),
    )
    .values(segment=bindparam("segment"))
)
REPLACE_CHECKPOINT = (
    update(checkpoints)
    .where(
        checkpoints.c.tenant == bindparam("its_tenant"),
        checkpoints.c.entry_count == bindparam("its_entry_count"),
    )
    .values(rows=bindparam("rows"))
)
REPLACE_DECISION = (
    update(decisions)
    .where(
        decisions.c.tenant == bindparam("its_tenant"),
        decisions.c.sequence == bindparam("its_sequence"),
    )
    .values(document=bindparam("document"))
)

# Rows of (sequence, document), in no order; parameter: ids, of return items.
DECISIONS_OF_RETURNS = select(decisions.c.sequence, decisions.c.document).where(
    decisions.c.tenant == bindparam("tenant"),
    OneOfIds(decisions.c.return_id),
)

# Rows of (request_id, answer), in no order.
ANSWERS = (
    select(answers.c.request_id, answers.c.answer)
    .where(answers.c.tenant == bindparam("tenant"))
    .execution_options(yield_per=_BLOBS_AT_ONCE)
)
DROP_ANSWER = _delete(answers)

# The first answer stays, whatever comes later under its id.
KEEP_ANSWERS = postgresql.insert(answers).on_conflict_do_nothing()

# Of all tenants; parameter: before_us.
FORGET_ANSWERS = delete(answers).where(answers.c.answered_us < bindparam("before_us"))

# The highest of a range, in bytes; parameters: first, last.
LAST_ANSWERED = (
    select(answers.c.request_id)
    .where(
        answers.c.tenant == bindparam("tenant"),
        answers.c.request_id >= bindparam("first"),
        answers.c.request_id <= bindparam("last"),
    )
    .order_by(answers.c.request_id.desc())
    .limit(1)
)

# Rows as the fields of StoredAnswer; parameter: ids.
SOME_ANSWERS = select(
    answers.c.tenant,
    answers.c.request_id,
    answers.c.payload_hash,
    answers.c.answer,
    answers.c.answered_us,
).where(
    answers.c.tenant == bindparam("tenant"),
    OneOfIds(answers.c.request_id),
)

# Parameter of each: id.
DEMAND = _one(demands, demands.c.demand_id)
RETURN = _one(returns, returns.c.return_id)
MATCH = _one(matches, matches.c.match_id)
DECISION = _one(decisions, decisions.c.decision_id)
POLICY = _one(policies, policies.c.version)
SHADOW = _one(shadows, shadows.c.return_id)

# By id; parameters: after_id, limit.
MATCHES_PAGE = (
    select(matches.c.document)
    .where(
        matches.c.tenant == bindparam("tenant"),
        matches.c.match_id > bindparam("after_id"),
    )
    .order_by(matches.c.match_id)
    .limit(_LIMIT)
)

# Rows of (document, proof); parameter: id.
ROUND = select(rounds.c.document, rounds.c.proof).where(
    rounds.c.tenant == bindparam("tenant"), rounds.c.round_id == bindparam("id")
)

# Ids, in their order; parameters: text, a part of the document, and limit.
RETURNS_WITH = (
    select(returns.c.return_id)
    .where(
        returns.c.tenant == bindparam("tenant"),
        # Compares bytes on every database, where LIKE and the names of what finds a
        # text in another differ.
        func.replace(returns.c.document, bindparam("text", type_=Text()), "")
        != returns.c.document,
    )
    .order_by(returns.c.return_id)
    .limit(_LIMIT)
)

# In no order; parameter of each: ids.
SOME_DEMANDS = _some(demands, demands.c.demand_id)
SOME_RETURNS = _some(returns, returns.c.return_id)

# One id of a range, in bytes, if there is any; parameters of each: first, last.
DEMAND_BETWEEN = _between(demands, demands.c.demand_id)
RETURN_BETWEEN = _between(returns, returns.c.return_id)

# Parameters of each: after, limit; and state for those that name it.
DEMAND_PAGE = _page(demands, demands.c.demand_id)
DEMAND_PAGE_IN_STATE = DEMAND_PAGE.where(demands.c.state == bindparam("state"))
RETURN_PAGE = _page(returns, returns.c.return_id)
RETURN_PAGE_IN_STATE = RETURN_PAGE.where(returns.c.state == bindparam("state"))
PROGRAM_EVENT_PAGE = _page(program_events, program_events.c.number)
AUDIT_PAGE = _page(audit_log, audit_log.c.number)
POLICY_PAGE = _page(policies, policies.c.version)
WAREHOUSE_PAGE = _page(warehouses, warehouses.c.warehouse_id)
SERVICE_AREA_PAGE = _page(service_areas, service_areas.c.service_area_id)
DROP_OFF_POINT_PAGE = _page(drop_off_points, drop_off_points.c.drop_off_point_id)

# Parameter: id, of the return item.
DECISIONS_OF_RETURN = _one(decisions, decisions.c.return_id).order_by(
    decisions.c.sequence
)

# Rows of (sequence, document); parameters: after, limit.
DECISION_LOG = (
    select(decisions.c.sequence, decisions.c.document)
    .where(
        decisions.c.tenant == bindparam("tenant"),
        decisions.c.sequence > bindparam("after"),
    )
    .order_by(decisions.c.sequence)
    .limit(_LIMIT)
)

# Parameter: sink.
RELAYED = select(relay_cursors.c.sequence).where(
    relay_cursors.c.tenant == bindparam("tenant"),
    relay_cursors.c.sink == bindparam("sink"),
)

# In no order: the database would sort whole documents. The second has the words of its
# partial index, by which SQLite sees that the index answers it.
LIVE_DEMANDS = (
    _documents(demands)
    .where(
        demands.c.state.in_((DemandState.OPEN, DemandState.HELD)),
        demands.c.is_live == 1,
    )
    .execution_options(yield_per=_ROWS_AT_ONCE)
)
CLOSED_LIVE_DEMANDS = _documents(demands).where(text(CLOSED_AND_HELD))
LIVE_RETURNS = (
    _documents(returns)
    .where(returns.c.state.in_((ReturnState.WAITING, ReturnState.MATCHED)))
    .execution_options(yield_per=_ROWS_AT_ONCE)
)
OPEN_SHADOWS = (
    _documents(shadows)
    .where(shadows.c.state == ShadowState.OPEN)
    .order_by(shadows.c.return_id)
)
# The return items that they stand for, in the same order.
SHADOWED_RETURNS = (
    select(returns.c.document)
    .join(
        shadows,
        (returns.c.tenant == shadows.c.tenant)
        & (returns.c.return_id == shadows.c.return_id),
    )
    .where(shadows.c.tenant == bindparam("tenant"), shadows.c.state == ShadowState.OPEN)
    .order_by(shadows.c.return_id)
)
LIVE_MATCHES = (
    _documents(matches)
    .where(matches.c.hold_state == HoldState.ACTIVE)
    .order_by(matches.c.match_id)
)
ACTIVE_POLICY = (
    _documents(policies)
    .where(policies.c.state == PolicyState.ACTIVE)
    .order_by(policies.c.version.desc())
    .limit(1)
)
PROGRAM = _documents(programs)
ALL_POLICIES = _documents(policies).order_by(policies.c.version)
ALL_WAREHOUSES = _documents(warehouses).order_by(warehouses.c.warehouse_id)
ALL_SERVICE_AREAS = _documents(service_areas).order_by(service_areas.c.service_area_id)
ALL_DROP_OFF_POINTS = _documents(drop_off_points).order_by(
    drop_off_points.c.drop_off_point_id
)

# Rows as the fields of Counters; none for a tenant that was given no number yet.
COUNTERS = select(
    counters.c.sequence,
    counters.c.decision_count,
    counters.c.match_count,
    counters.c.round_count,
).where(counters.c.tenant == bindparam("tenant"))


def _next_tenant() -> Select[str]:
    # The smallest tenant above :tenant in any table. Each step is one seek per
    # table, where DISTINCT would read every index from end to end. A lease is no data.
    firsts = union_all(
        *(
            select(func.min(one.c.tenant).label("tenant")).where(
                one.c.tenant > bindparam("tenant")
            )
            for one in metadata.sorted_tables
            if one is not leases
        )
    ).subquery()
    return select(func.min(firsts.c.tenant))


NEXT_TENANT = _next_tenant()

# The revision: one row, read from the database itself.
PING: Select[tuple[str]] = select(column("version_num")).select_from(
    table(REVISION_TABLE)
)
