"""A mapping against its foreign table."""

from __future__ import annotations

from decimal import Decimal

import pytest

from matcher.domain.errors import InvalidValueError
from server.files.columns import Kind
from server.files.mapping import TableMapping
from server.files.mapping_filter import Condition
from server.files.mapping_rule import FieldRule

MAPPING = TableMapping(
    "m.toml",
    Kind.WAREHOUSE,
    (Condition("open", one_of=(True,)), Condition("size", at_least=10)),
    (
        FieldRule("warehouse_id", template="{land}-{code}"),
        FieldRule("daily_capacity", column="size"),
        FieldRule("processing_micros", column="cost", scale=Decimal(10)),
    ),
)


def test_every_missing_column_is_named() -> None:
    """Two of the mapping's five columns are missing: both, with the nearest name."""
    with pytest.raises(InvalidValueError) as caught:
        MAPPING.check_source(["open", "size", "lnd", "code"], "w.csv")
    first, second = map(str, caught.value.violations)
    assert first == (
        "m.toml: [fields] warehouse_id: got column 'land', which w.csv has not; "
        "accepted: did you mean lnd?"
    )
    assert "'cost'" in second


def test_all_columns_there_is_fine() -> None:
    """More columns than the mapping reads are no fault."""
    MAPPING.check_source(["open", "size", "land", "code", "cost", "x"], "w.csv")


def test_all_conditions_must_hold() -> None:
    """Open and at least ten large; one of the two does not do."""
    assert MAPPING.selects({"open": "yes", "size": "10"})
    assert not MAPPING.selects({"open": "yes", "size": "9"})
    assert not MAPPING.selects({"open": "no", "size": "10"})


def test_all_faults_of_a_row_are_found() -> None:
    """Two rules that fail give two violations, in the order of the rules."""
    mapping = TableMapping(
        "m.toml",
        Kind.WAREHOUSE,
        (),
        (
            FieldRule("categories", column="c", values={"a": "b"}),
            FieldRule("processing_micros", column="cost", scale=Decimal(10)),
        ),
    )
    with pytest.raises(InvalidValueError) as caught:
        mapping.apply({"c": "z", "cost": "much"})
    assert [each.field for each in caught.value.violations] == [
        "categories",
        "processing_micros",
    ]
