"""The columns of each kind of table: the fields of its message, by their names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType

from matcher.domain.errors import FieldViolation, InvalidValueError


class Kind(StrEnum):
    """What one row of a table is."""

    DEMAND = "demand"
    RETURN_ITEM = "return_item"
    WAREHOUSE = "warehouse"


class ColumnType(Enum):
    """How the value of a column is written."""

    TEXT = "text"
    INT32 = "a whole number from -2,147,483,648 to 2,147,483,647"
    INT64 = "a whole number of 64 bits"
    FLOAT = "a finite number"
    BOOL = "true or false"
    TIME = "an RFC 3339 time with its zone, as 2026-03-01T12:00:00Z"
    ENUM = "a name"
    TEXT_LIST = "texts with ; between them"


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column.

    Parameters
    ----------
    name
        Path of the field in the message, dots between levels.
    type
        How its values are written.
    required
        Whether an empty value is a fault.
    prefix, labels
        Of an enumeration: its prefix in the contract, and the names without it in
        the order of their numbers, from 0.
    """

    name: str
    type: ColumnType = ColumnType.TEXT
    required: bool = False
    prefix: str = ""
    labels: tuple[str, ...] = ()

    @property
    def accepted(self) -> str:
        """What a value may be, in words."""
        return ", ".join(self.labels) if self.labels else self.type.value


_CONDITION = (
    "CONDITION_",
    ("UNSPECIFIED", "POOR", "FAIR", "GOOD", "LIKE_NEW", "NEW"),
)
_REASON = (
    "RETURN_REASON_",
    (
        "UNSPECIFIED",
        "FIT",
        "PREFERENCE",
        "NO_LONGER_NEEDED",
        "WRONG_ITEM",
        "NOT_AS_DESCRIBED",
        "ARRIVED_LATE",
        "DAMAGED",
        "DEFECTIVE",
        "OTHER",
    ),
)
_FACT = ("FACT_", ("UNSPECIFIED", "YES", "NO"))
_STATUS = ("VERIFICATION_STATUS_", ("UNSPECIFIED", "PASSED", "FAILED", "PENDING"))
_CHANNEL = ("CHANNEL_", ("UNSPECIFIED", "WEB", "APP", "STORE", "SUPPORT"))
_TRANSIT = (
    "TRANSIT_STATE_",
    ("UNSPECIFIED", "WITH_CUSTOMER", "IN_TRANSIT", "RECEIVED"),
)
_PATH = (
    "RETURN_PATH_",
    ("UNSPECIFIED", "CARRIER", "IN_STORE", "DROP_OFF", "LOCAL_HANDOFF"),
)


def _enum(
    name: str, names: tuple[str, tuple[str, ...]], *, required: bool = False
) -> Column:
    return Column(name, ColumnType.ENUM, required, *names)


_PLACE = (
    Column("location.latitude", ColumnType.FLOAT, required=True),
    Column("location.longitude", ColumnType.FLOAT, required=True),
)

_DEMAND = (
    Column("demand_id", required=True),
    *_PLACE,
    Column("sku", required=True),
    Column("category", required=True),
    Column("quantity", ColumnType.INT32, required=True),
    Column("ship_by_time", ColumnType.TIME, required=True),
    _enum("min_condition", _CONDITION, required=True),
    Column("accepts_returned_item", ColumnType.BOOL),
    Column("segment"),
    Column("priority", ColumnType.INT32),
)

_RETURN_ITEM = (
    Column("return_id", required=True),
    Column("order_id", required=True),
    Column("customer_id", required=True),
    *_PLACE,
    Column("sku", required=True),
    Column("category", required=True),
    _enum("reason", _REASON),
    _enum("condition", _CONDITION),
    _enum("attributes.fragile", _FACT),
    _enum("attributes.regulated", _FACT),
    _enum("attributes.custom_made", _FACT),
    _enum("attributes.damaged", _FACT),
    _enum("attributes.defective", _FACT),
    _enum("attributes.end_of_season", _FACT),
    _enum("verification.status", _STATUS),
    Column("verification.method"),
    Column("verification.source"),
    Column("verification.source_version"),
    Column("verification.evidence_id"),
    Column("verification.confidence", ColumnType.FLOAT),
    Column("verification.verify_time", ColumnType.TIME),
    Column("verification.expire_time", ColumnType.TIME),
    Column("customer_consents", ColumnType.BOOL),
    Column("value_micros", ColumnType.INT64),
    Column("decide_by_time", ColumnType.TIME, required=True),
    _enum("channel", _CHANNEL),
    _enum("transit_state", _TRANSIT),
    Column("segment"),
    Column("order_return_count", ColumnType.INT32),
    _enum("preferred_path", _PATH),
    Column("weight_grams", ColumnType.INT32),
    Column("refund_due_time", ColumnType.TIME),
    Column("season_end_time", ColumnType.TIME),
)

_WAREHOUSE = (
    Column("warehouse_id", required=True),
    *_PLACE,
    Column("daily_capacity", ColumnType.INT32, required=True),
    Column("categories", ColumnType.TEXT_LIST),
    Column("inbound_base_micros", ColumnType.INT64),
    Column("inbound_per_km_micros", ColumnType.INT64),
    Column("processing_micros", ColumnType.INT64),
    Column("outbound_base_micros", ColumnType.INT64),
    Column("outbound_per_km_micros", ColumnType.INT64),
)

#: Columns by kind and name, in the order in which they are written.
COLUMNS: Mapping[Kind, Mapping[str, Column]] = MappingProxyType(
    {
        kind: MappingProxyType({column.name: column for column in columns})
        for kind, columns in (
            (Kind.DEMAND, _DEMAND),
            (Kind.RETURN_ITEM, _RETURN_ITEM),
            (Kind.WAREHOUSE, _WAREHOUSE),
        )
    }
)

#: Fields that the server fills and a table must not carry.
SERVER_FIELDS = frozenset(
    {
        "cell",
        "create_time",
        "erase_time",
        "etag",
        "fulfilled_count",
        "held_count",
        "item_outcome",
        "state",
        "update_time",
    }
)


def check_columns(names: Iterable[str], kind: Kind, place: str) -> None:
    """
    Refuse a table whose columns are not those of its kind.

    Parameters
    ----------
    names
        Columns found.
    kind
        What the rows are.
    place
        File, for the error.

    Raises
    ------
    InvalidValueError
        With every column that is unknown, and every required one that is missing.
    """
    known = COLUMNS[kind]
    found = list(names)
    faults = [
        FieldViolation(f"{place}: column", repr(name), explain_unknown(name, known))
        for name in found
        if name not in known
    ]
    faults.extend(
        FieldViolation(
            f"{place}: column {column.name}",
            "no such column",
            f"a {kind} table has it; --mapping takes it from another column",
        )
        for column in known.values()
        if column.required and column.name not in found
    )
    if faults:
        raise InvalidValueError.of(faults)


def explain_unknown(name: str, known: Iterable[str]) -> str:
    """Return what to write instead of an unknown name: the nearest, or them all."""
    if name in SERVER_FIELDS:
        return "no such column: the server fills it"
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return ", ".join(names)
