"""Rows of the tables, made from the domain values that a transaction writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace

from sqlalchemy import Table

from matcher.domain.decision import Decision
from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.ids import TenantId
from matcher.domain.match import Match
from matcher.domain.program import Program, ProgramEvent
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.changes import Changes
from matcher.engine.journal import Entry
from matcher.engine.records import (
    DemandRecord,
    GuardrailDay,
    MatchCount,
    PolicyRecord,
    ReturnRecord,
    RoundRecord,
    SkuDay,
    WarehouseDay,
)
from server.storage import codec, tables
from server.storage.audit_entry import AuditEntry
from server.storage.facts import fact_row
from server.storage.journal_codec import pack_entries
from server.storage.shadow_rows import shadow_row, units_row
from server.storage.store import StoredAnswer

#: One row, or the key of one, by column name. Enums and flags are plain ints in it:
#: sqlite3 binds subclasses of int by a far slower way.
Row = dict[str, object]


def merge(changes: Sequence[tuple[TenantId, Changes]]) -> dict[TenantId, Changes]:
    """
    Join the changes of each tenant, the later value of a row winning.

    The entries themselves are not modified.
    """
    by_tenant: dict[TenantId, list[Changes]] = {}
    for tenant, entry in changes:
        by_tenant.setdefault(tenant, []).append(entry)
    return {tenant: _joined(entries) for tenant, entries in by_tenant.items()}


def _joined(entries: Sequence[Changes]) -> Changes:
    if len(entries) == 1:
        return entries[0]
    joined = Changes()
    for entry in entries:
        joined.add(entry)
    return joined


def rows_to_write(tenant: TenantId, changes: Changes) -> dict[Table, list[Row]]:
    """Return the rows to insert or replace, by table; decisions, demands are apart."""
    return {
        tables.returns: [return_row(tenant, one) for one in changes.returns.values()],
        tables.return_facts: [
            fact_row(tenant, one) for one in changes.returns.values()
        ],
        tables.matches: [match_row(tenant, one) for one in changes.matches.values()],
        tables.policies: [policy_row(tenant, one) for one in changes.policies.values()],
        tables.programs: [_program(tenant, one) for one in (changes.program,) if one],
        tables.volume_hours: [
            {"tenant": tenant, **asdict(one)} for one in changes.volume_hours.values()
        ],
        tables.match_counts: [
            _match_count(tenant, one) for one in changes.match_counts.values()
        ],
        tables.guardrail_days: [
            _guardrail_day(tenant, one) for one in changes.guardrail_days.values()
        ],
        tables.sku_days: [_sku_day(tenant, one) for one in changes.sku_days.values()],
        tables.warehouses: [
            _warehouse(tenant, one) for one in changes.warehouses.values() if one
        ],
        tables.service_areas: [
            _service_area(tenant, one) for one in changes.service_areas.values() if one
        ],
        tables.drop_off_points: [
            _drop_off_point(tenant, one)
            for one in changes.drop_off_points.values()
            if one
        ],
        tables.warehouse_days: [
            _warehouse_day(tenant, one) for one in changes.warehouse_days.values()
        ],
        tables.rounds: [round_row(tenant, one) for one in changes.rounds],
        tables.shadows: [shadow_row(tenant, one) for one in changes.shadows.values()],
        tables.shadow_units: [
            units_row(tenant, one) for one in changes.shadow_units.values() if one
        ],
    }


def keys_to_delete(tenant: TenantId, changes: Changes) -> dict[Table, list[Row]]:
    """Return the keys of the rows to delete, by table."""
    return {
        tables.warehouses: [
            {"tenant": tenant, "warehouse_id": key}
            for key, value in changes.warehouses.items()
            if value is None
        ],
        tables.service_areas: [
            {"tenant": tenant, "service_area_id": key}
            for key, value in changes.service_areas.items()
            if value is None
        ],
        tables.shadow_units: [
            {"tenant": tenant, "demand_id": key}
            for key, value in changes.shadow_units.items()
            if value is None
        ],
        tables.drop_off_points: [
            {"tenant": tenant, "drop_off_point_id": key}
            for key, value in changes.drop_off_points.items()
            if value is None
        ],
    }


def log_rows(tenant: TenantId, decisions: Iterable[Decision]) -> list[Row]:
    """Return the rows of the decision log in order, still without a sequence."""
    return [
        {
            "tenant": tenant,
            "decision_id": decision.decision_id,
            "return_id": decision.return_id,
            "document": codec.DECISIONS.encode(decision),
        }
        for decision in decisions
    ]


def event_rows(tenant: TenantId, events: Iterable[ProgramEvent]) -> list[Row]:
    """Return the rows of the program's log."""
    return [
        {
            "tenant": tenant,
            "number": event.number,
            "document": codec.PROGRAM_EVENTS.encode(event),
        }
        for event in events
    ]


def audit_rows(tenant: TenantId, entries: Iterable[AuditEntry]) -> list[Row]:
    """Return the rows of the audit log."""
    return [
        {
            "tenant": tenant,
            "number": entry.number,
            "document": codec.AUDIT_ENTRIES.encode(entry),
        }
        for entry in entries
    ]


def journal_row(tenant: TenantId, entries: Sequence[Entry]) -> Row:
    """Return the row of a segment of the journal, still without a number."""
    return {
        "tenant": tenant,
        "entry_count": len(entries),
        "first_us": min(entry.now_us for entry in entries),
        "last_us": max(entry.now_us for entry in entries),
        "segment": pack_entries(entries),
    }


def answer_row(answer: StoredAnswer) -> Row:
    """Return the row of a first answer."""
    return {
        "tenant": answer.tenant,
        "request_id": answer.request_id,
        "payload_hash": answer.payload_hash,
        "answered_us": answer.answered_us,
        "answer": answer.answer,
    }


def demand_row(tenant: TenantId, record: DemandRecord) -> Row:
    """Return the row of a demand."""
    (row,) = demand_rows(tenant, [record])
    return row


def demand_rows(tenant: TenantId, records: Collection[DemandRecord]) -> list[Row]:
    """Return the rows of demands."""
    # A load of demands brings thousands of them.
    documents = codec.DEMANDS.encode_all(records)
    return [
        {
            **demand_columns(tenant, record),
            "demand_id": record.demand.demand_id,
            "document": document,
        }
        for record, document in zip(records, documents, strict=True)
    ]


def demand_columns(tenant: TenantId, record: DemandRecord) -> Row:
    """Return what stands in the row of a demand beside its id and document."""
    return {
        "tenant": tenant,
        "state": int(record.state),
        "is_live": int(record.is_live),
        "version": record.version,
    }


def return_row(tenant: TenantId, record: ReturnRecord) -> Row:
    """Return the row of a return item."""
    return {
        "tenant": tenant,
        "return_id": record.item.return_id,
        "state": int(record.state),
        "version": record.version,
        "document": codec.RETURNS.encode(record),
    }


def match_row(tenant: TenantId, match: Match) -> Row:
    """Return the row of a match."""
    return {
        "tenant": tenant,
        "match_id": match.match_id,
        "hold_state": int(match.hold_state),
        "version": match.version,
        "document": codec.MATCHES.encode(match),
    }


def policy_row(tenant: TenantId, record: PolicyRecord) -> Row:
    """Return the row of a policy version."""
    return {
        "tenant": tenant,
        "version": record.policy.version,
        "state": int(record.state),
        "document": codec.POLICIES.encode(record),
    }


def _program(tenant: TenantId, program: Program) -> Row:
    return {"tenant": tenant, "document": codec.PROGRAMS.encode(program)}


def _warehouse(tenant: TenantId, warehouse: Warehouse) -> Row:
    return {
        "tenant": tenant,
        "warehouse_id": warehouse.warehouse_id,
        "document": codec.WAREHOUSES.encode(warehouse),
    }


def _service_area(tenant: TenantId, area: ServiceArea) -> Row:
    return {
        "tenant": tenant,
        "service_area_id": area.service_area_id,
        "document": codec.SERVICE_AREAS.encode(area),
    }


def _drop_off_point(tenant: TenantId, point: DropOffPoint) -> Row:
    return {
        "tenant": tenant,
        "drop_off_point_id": point.drop_off_point_id,
        "document": codec.DROP_OFF_POINTS.encode(point),
    }


def _match_count(tenant: TenantId, row: MatchCount) -> Row:
    return {
        "tenant": tenant,
        "day": row.key.day,
        "scope": int(row.key.scope),
        "resolution": row.key.resolution,
        "key": row.key.key,
        "match_count": row.match_count,
    }


def _warehouse_day(tenant: TenantId, row: WarehouseDay) -> Row:
    return {
        "tenant": tenant,
        "day": row.day,
        "warehouse_id": row.warehouse_id,
        "routed_count": row.routed_count,
    }


def _guardrail_day(tenant: TenantId, row: GuardrailDay) -> Row:
    return {"tenant": tenant, **asdict(row), "metric": int(row.metric)}


def _sku_day(tenant: TenantId, row: SkuDay) -> Row:
    # By hand: a load of demands may bring as many SKUs.
    return {
        "tenant": tenant,
        "day": row.day,
        "sku": row.sku,
        "order_count": row.order_count,
    }


def round_row(tenant: TenantId, record: RoundRecord) -> Row:
    """Return the row of a round."""
    # The proof is bytes and large: it has a column of its own, not base64 in JSON.
    return {
        "tenant": tenant,
        "round_id": record.round_id,
        "document": codec.ROUNDS.encode(replace(record, proof=b"")),
        "proof": record.proof,
    }
