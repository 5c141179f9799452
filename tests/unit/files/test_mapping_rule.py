"""Rules: how one value is made of a foreign row."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from matcher.domain.errors import InvalidValueError
from server.files.mapping_rule import FieldRule, TimeRule

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def test_column_keeps_its_type() -> None:
    """A Parquet number stays one; an empty cell is nothing, or the default."""
    rule = FieldRule("quantity", column="n", default=1)
    assert rule.value({"n": 5}) == 5
    assert rule.value({"n": ""}) == 1
    assert rule.value({"n": None}) == 1
    assert rule.sources == ("n",)
    assert FieldRule("quantity", column="n").value({"n": ""}) is None


def test_column_may_have_any_name() -> None:
    """Braces in a foreign name are part of it; only templates give them a meaning."""
    assert FieldRule("sku", column="{a} {b}").value({"{a} {b}": "x"}) == "x"


def test_template_joins_columns() -> None:
    """Numbers are written out; a template with an empty part is nothing."""
    rule = FieldRule("demand_id", template="o{order}-{line}")
    assert rule.sources == ("order", "line")
    assert rule.value({"order": 12, "line": "3"}) == "o12-3"
    assert rule.value({"order": 12, "line": ""}) is None


def test_template_does_not_look_into_values() -> None:
    """A value with braces in it stays as it is: it is data, no template."""
    rule = FieldRule("demand_id", template="{a}{b}")
    assert rule.value({"a": "{b}", "b": "x"}) == "{b}x"


def test_constant_is_the_same_everywhere() -> None:
    """No foreign column is read, and false and zero are constants too."""
    assert FieldRule("quantity", constant=0).value({}) == 0
    assert FieldRule("accepts_returned_item", constant=False).value({}) is False
    assert FieldRule("quantity", constant=1).sources == ()


def test_values_are_looked_up_by_their_text() -> None:
    """7 and true are found as 7 and true; others are a fault, or the default."""
    rule = FieldRule("reason", column="r", values={"7": "FIT", "true": "OTHER"})
    assert rule.value({"r": 7}) == "FIT"
    assert rule.value({"r": True}) == "OTHER"
    with pytest.raises(InvalidValueError, match="reason: got '8'; accepted: 7, true"):
        rule.value({"r": 8})
    lenient = FieldRule("reason", column="r", values={"7": "FIT"}, default="OTHER")
    assert lenient.value({"r": "8"}) == "OTHER"


@pytest.mark.parametrize(
    ("price", "micros"),
    [
        ("12.34", 12_340_000),
        (58.9, 58_900_000),
        ("0.000001", 1),
        (Decimal(3), 3_000_000),
    ],
)
def test_scale_is_exact(price: object, micros: int) -> None:
    """In binary 58.9 * 10**6 is 58,900,000 only by rounding; here nothing rounds."""
    rule = FieldRule("value_micros", column="price", scale=Decimal(1_000_000))
    assert rule.value({"price": price}) == micros


@pytest.mark.parametrize("price", ["dear", "", "nan", "1." + "1" * 70])
def test_scale_refuses_what_it_cannot_keep(price: str) -> None:
    """No number is a fault, and so is one with more digits than are kept exactly."""
    rule = FieldRule("value_micros", column="price", scale=Decimal(1_000_000))
    if not price:
        assert rule.value({"price": price}) is None
        return
    with pytest.raises(InvalidValueError, match="value_micros"):
        rule.value({"price": price})


@pytest.mark.parametrize(
    ("rule", "value", "moment"),
    [
        (TimeRule(), "2026-03-01T12:00:00Z", NOON),
        (TimeRule(), "2026-03-01 12:00:00", NOON),
        (TimeRule(), datetime(2026, 3, 1, 12), NOON),  # noqa: DTZ001
        (TimeRule(zone=BERLIN), "2026-03-01 13:00:00", NOON),
        (TimeRule(zone=BERLIN), "2026-03-01T12:00:00Z", NOON),
        (
            TimeRule(zone=BERLIN),
            "2026-07-01 14:00",
            datetime(2026, 7, 1, 12, tzinfo=UTC),
        ),
        (TimeRule(offset=timedelta(hours=12)), "2026-03-01", NOON),
        (TimeRule(offset=timedelta(hours=12)), date(2026, 3, 1), NOON),
        (TimeRule("%d.%m.%Y %H:%M"), "01.03.2026 12:00", NOON),
        (TimeRule("%Y-%m-%d %H:%M:%S %z"), "2026-03-01 09:00:00 -0300", NOON),
        (TimeRule("unix_s"), "1772366400", NOON),
        (TimeRule("unix_s"), 1_772_366_400.5, NOON + timedelta(milliseconds=500)),
        (TimeRule("unix_ms"), 1_772_366_400_000, NOON),
        (TimeRule("unix_us"), "1772366400000000", NOON),
        (TimeRule(offset=timedelta(days=-7)), "2026-03-08T12:00:00Z", NOON),
    ],
)
def test_times(rule: TimeRule, value: object, moment: datetime) -> None:
    """Formats, zones in winter and summer, and offsets make the same instant."""
    made = FieldRule("ship_by_time", column="t", time=rule).value({"t": value})
    assert made == moment


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (TimeRule(), "yesterday"),
        (TimeRule(), 1_772_366_400),
        (TimeRule("%d.%m.%Y"), "2026-03-01"),
        (TimeRule("unix_s"), "1e999999999"),
        (TimeRule("unix_s"), "9999999999999"),
        (TimeRule(offset=timedelta(days=1)), "9999-12-31T12:00:00Z"),
        (TimeRule(zone=BERLIN), "0001-01-01 00:00:00"),
    ],
)
def test_times_that_are_none(rule: TimeRule, value: object) -> None:
    """Other formats and instants out of the years 1 to 9999 are faults of the row."""
    with pytest.raises(InvalidValueError, match="ship_by_time"):
        FieldRule("ship_by_time", column="t", time=rule).value({"t": value})
