"""
The tables of the store, one per kind of row.

A column stands here if something filters, orders or pages by it; the rest of a value
is its JSON document (:mod:`server.storage.codec`). Every key starts with the tenant,
so that no query can cross tenants by leaving out a join. Ids compare as bytes on every
database, which is the order of their code points and so Python's.

``migrations/versions`` builds these tables; a test holds the two equal.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from matcher.domain.demand import DemandState

#: Table in which Alembic keeps the revision; its own name tells our files apart.
REVISION_TABLE = "nearturn_revision"

#: Demands that are closed and still have a unit in a hold: live, but found by no state.
CLOSED_AND_HELD = (
    f"is_live = 1 AND state NOT IN ({DemandState.OPEN:d}, {DemandState.HELD:d})"
)

metadata = MetaData()

# SQLite compares TEXT by its UTF-8 bytes; PostgreSQL does so with collation "C".
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")

# A STRICT table of SQLite takes INTEGER, which is 64 bits wide, but not BIGINT.
_INT64: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")


def _key(name: str, kind: TypeEngine[int] | TypeEngine[str] = _TEXT) -> Column[object]:
    # autoincrement off: an integer key is always ours to give.
    return Column(name, kind, primary_key=True, autoincrement=False)


def _value(name: str, kind: TypeEngine[int] | TypeEngine[str]) -> Column[object]:
    return Column(name, kind, nullable=False)


def _blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


demands = Table(
    "demands",
    metadata,
    _key("tenant"),
    _key("demand_id"),
    _value("state", Integer()),
    _value("is_live", Integer()),
    _value("version", _INT64),
    _value("document", Text()),
    CheckConstraint("is_live IN (0, 1)", name="demands_is_live"),
    Index("demands_by_state", "tenant", "state", "demand_id"),
    # Start-up reads the few live ones among millions. All but these are found by
    # their state; an index of all live ones would cost a third of the write speed.
    Index(
        "demands_closed_and_held",
        "tenant",
        "demand_id",
        sqlite_where=text(CLOSED_AND_HELD),
        postgresql_where=text(CLOSED_AND_HELD),
    ),
    sqlite_strict=True,
)

returns = Table(
    "returns",
    metadata,
    _key("tenant"),
    _key("return_id"),
    _value("state", Integer()),
    _value("version", _INT64),
    _value("document", Text()),
    Index("returns_by_state", "tenant", "state", "return_id"),
    sqlite_strict=True,
)

matches = Table(
    "matches",
    metadata,
    _key("tenant"),
    _key("match_id"),
    _value("hold_state", Integer()),
    _value("version", _INT64),
    _value("document", Text()),
    Index("matches_by_hold_state", "tenant", "hold_state", "match_id"),
    sqlite_strict=True,
)

decisions = Table(
    "decisions",
    metadata,
    _key("tenant"),
    _key("sequence", _INT64),
    _value("decision_id", _TEXT),
    _value("return_id", _TEXT),
    _value("document", Text()),
    CheckConstraint("sequence >= 1", name="decisions_sequence"),
    UniqueConstraint("tenant", "decision_id", name="decisions_by_id"),
    Index("decisions_by_return", "tenant", "return_id", "sequence"),
    sqlite_strict=True,
)

policies = Table(
    "policies",
    metadata,
    _key("tenant"),
    _key("version", _INT64),
    _value("state", Integer()),
    _value("document", Text()),
    # Version 0 asks for the active policy, so no stored one may have it.
    CheckConstraint("version >= 1", name="policies_version"),
    sqlite_strict=True,
)

programs = Table(
    "programs",
    metadata,
    _key("tenant"),
    _value("document", Text()),
    sqlite_strict=True,
)

program_events = Table(
    "program_events",
    metadata,
    _key("tenant"),
    _key("number", _INT64),
    _value("document", Text()),
    sqlite_strict=True,
)

volume_hours = Table(
    "volume_hours",
    metadata,
    _key("tenant"),
    _key("hour", _INT64),
    _value("eligible_count", _INT64),
    _value("admitted_count", _INT64),
    CheckConstraint(
        "admitted_count <= eligible_count", name="volume_hours_admitted_count"
    ),
    sqlite_strict=True,
)

# Matches of a day, SKU, zone or warehouse, as match limits count them.
match_counts = Table(
    "match_counts",
    metadata,
    _key("tenant"),
    _key("day", _INT64),
    _key("scope", Integer()),
    _key("resolution", Integer()),
    _key("key"),
    _value("match_count", _INT64),
    CheckConstraint("match_count >= 0", name="match_counts_match_count"),
    sqlite_strict=True,
)

# What a return item counts as in reports: a narrow copy of its document, for reports
# read every one of them.
return_facts = Table(
    "return_facts",
    metadata,
    _key("tenant"),
    _key("return_id"),
    _value("policy_version", _INT64),
    _value("created_us", _INT64),
    _value("category", _TEXT),
    _value("reason", Integer()),
    _value("sku", _TEXT),
    _value("state", Integer()),
    _value("is_verified", Integer()),
    _value("is_eligible", Integer()),
    # Of a return that went to a warehouse: the codes, as in "20,36"; else empty.
    _value("fallback_codes", Text()),
    _value("arrival", Integer()),
    _value("response", Integer()),
    # Whether it arrived in a worse grade than verified; -1 is not known.
    _value("is_worse", Integer()),
    _value("distance_m", _INT64),
    _value("saving_micros", _INT64),
    # Both of a return with a promise only.
    Column("waited_us", _INT64),
    Column("fallback_distance_m", _INT64),
    sqlite_strict=True,
)

guardrail_days = Table(
    "guardrail_days",
    metadata,
    _key("tenant"),
    _key("day", _INT64),
    _key("category"),
    _key("metric", Integer()),
    _value("bad_count", _INT64),
    _value("total_count", _INT64),
    _value("reset_number", _INT64),
    CheckConstraint("bad_count <= total_count", name="guardrail_days_bad_count"),
    sqlite_strict=True,
)

# Orders by SKU and UTC day.
sku_days = Table(
    "sku_days",
    metadata,
    _key("tenant"),
    _key("day", _INT64),
    _key("sku"),
    _value("order_count", _INT64),
    sqlite_strict=True,
)

warehouses = Table(
    "warehouses",
    metadata,
    _key("tenant"),
    _key("warehouse_id"),
    _value("document", Text()),
    sqlite_strict=True,
)

service_areas = Table(
    "service_areas",
    metadata,
    _key("tenant"),
    _key("service_area_id"),
    _value("document", Text()),
    sqlite_strict=True,
)

drop_off_points = Table(
    "drop_off_points",
    metadata,
    _key("tenant"),
    _key("drop_off_point_id"),
    _value("document", Text()),
    sqlite_strict=True,
)

warehouse_days = Table(
    "warehouse_days",
    metadata,
    _key("tenant"),
    _key("day", _INT64),
    _key("warehouse_id"),
    _value("routed_count", _INT64),
    sqlite_strict=True,
)

rounds = Table(
    "rounds",
    metadata,
    _key("tenant"),
    _key("round_id"),
    _value("document", Text()),
    _blob("proof"),
    sqlite_strict=True,
)

# What happened, a segment per commit: entries ``number`` and following, from 0 on.
journal = Table(
    "journal",
    metadata,
    _key("tenant"),
    _key("number", _INT64),
    _value("entry_count", _INT64),
    _value("first_us", _INT64),
    _value("last_us", _INT64),
    _blob("segment"),
    CheckConstraint("entry_count >= 1", name="journal_entry_count"),
    sqlite_strict=True,
)

# Where a replay may start: the live rows after so many entries.
checkpoints = Table(
    "checkpoints",
    metadata,
    _key("tenant"),
    _key("entry_count", _INT64),
    _value("at_us", _INT64),
    _blob("rows"),
    sqlite_strict=True,
)

# Items that only rollout, volume cap or mode kept out. What a report adds up stands
# beside the document; 0 unless the item would have matched.
shadows = Table(
    "shadows",
    metadata,
    _key("tenant"),
    _key("return_id"),
    _value("state", Integer()),
    _value("policy_version", _INT64),
    _value("category", _TEXT),
    _value("kept_out", Integer()),
    _value("saving_micros", _INT64),
    _value("distance_m", _INT64),
    _value("waiting_us", _INT64),
    _value("document", Text()),
    Index("shadows_by_state", "tenant", "state", "return_id"),
    Index("shadows_by_version", "tenant", "policy_version", "category", "kept_out"),
    sqlite_strict=True,
)

# Units of live demands that shadows would have had.
shadow_units = Table(
    "shadow_units",
    metadata,
    _key("tenant"),
    _key("demand_id"),
    _value("taken_count", _INT64),
    sqlite_strict=True,
)

# Who changed policies, the program or keys; rows are appended and never change.
audit_log = Table(
    "audit_log",
    metadata,
    _key("tenant"),
    _key("number", _INT64),
    _value("document", Text()),
    CheckConstraint("number >= 1", name="audit_log_number"),
    sqlite_strict=True,
)

# Up to which decision of the log a broker has the events.
relay_cursors = Table(
    "relay_cursors",
    metadata,
    _key("tenant"),
    _key("sink"),
    _value("sequence", _INT64),
    CheckConstraint("sequence >= 0", name="relay_cursors_sequence"),
    sqlite_strict=True,
)

# The highest numbers ever given out, which outlive the rows that they were given to.
counters = Table(
    "counters",
    metadata,
    _key("tenant"),
    _value("sequence", _INT64),
    _value("decision_count", _INT64),
    _value("match_count", _INT64),
    _value("round_count", _INT64),
    sqlite_strict=True,
)

answers = Table(
    "answers",
    metadata,
    _key("tenant"),
    _key("request_id"),
    _value("payload_hash", Text()),
    _value("answered_us", _INT64),
    _blob("answer"),
    Index("answers_by_time", "answered_us"),
    sqlite_strict=True,
)

# Who may write for a tenant's shard; the beat says that whoever it is still lives.
leases = Table(
    "leases",
    metadata,
    _key("tenant"),
    _value("epoch", _INT64),
    _value("holder", Text()),
    _value("beat", _INT64),
    _value("address", Text()),
    sqlite_strict=True,
)
