"""Mapping files: what is read, and that each mistake is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from matcher.domain.errors import InvalidValueError
from server.files.columns import Kind
from server.files.mapping import TableMapping
from server.files.mapping_file import read_mapping

WAREHOUSE = """
kind = "warehouse"
[filter]
open = true
[fields]
warehouse_id = "code"
location.latitude = "lat"
"location.longitude" = { column = "lng" }
daily_capacity = { constant = 100 }
processing_micros = { column = "cost", scale = "1000000" }
"""


def _read(folder: Path, text: str) -> TableMapping:
    path = folder / "m.toml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path)


def test_mapping_is_read(tmp_path: Path) -> None:
    """Short and long rules, dotted and quoted columns, constants: all one mapping."""
    mapping = _read(tmp_path, WAREHOUSE)
    assert mapping.kind is Kind.WAREHOUSE
    assert mapping.selects({"open": "true"})
    assert mapping.apply(
        {"code": "W1", "lat": "1.5", "lng": "2", "cost": "3.25", "colour": "red"}
    ) == {
        "warehouse_id": "W1",
        "location.latitude": "1.5",
        "location.longitude": "2",
        "daily_capacity": 100,
        "processing_micros": 3_250_000,
    }


def test_offset_adds_its_units(tmp_path: Path) -> None:
    """+1w2d3h is nine days and three hours; a minus turns all of it."""
    for offset, span in (
        ("+1w2d3h", timedelta(days=9, hours=3)),
        ("-4m5s", -timedelta(minutes=4, seconds=5)),
    ):
        text = f"""
            kind = "demand"
            [fields]
            demand_id = "i"
            location.latitude = "a"
            location.longitude = "b"
            sku = "s"
            category = "c"
            quantity = "q"
            min_condition = "m"
            ship_by_time = {{ column = "t", offset = "{offset}" }}
        """
        rules = {rule.target: rule for rule in _read(tmp_path, text).rules}
        time = rules["ship_by_time"].time
        assert time is not None
        assert time.offset == span


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"warehouse"', '"depot"', "kind: got 'depot'; accepted: demand, return_item"),
        ("[filter]", "[filters]", "filters.*did you mean filter"),
        ("[fields]", "[fields]\nprocesing_micros = 'x'", "mean processing_micros"),
        ("[fields]", "[fields]\nlocation.altitude = 'x'", "location.altitude"),
        ("[fields]", "[fields]\netag = 'x'", "the server fills it"),
        ('location.latitude = "lat"', "", "latitude: got no rule"),
        ("constant = 100", "constant = 1.5", "daily_capacity constant: got 1.5"),
        ("constant = 100", "constant = 100, column = 'x'", "exactly one of"),
        ("constant = 100", "default = 100", "exactly one of"),
        ("constant = 100", "constant = 100, default = 1", "stands alone"),
        ("constant = 100", "column = 3", "column: got 3; accepted: a text"),
        ("constant = 100", "columns = 'x'", "did you mean column"),
        ("constant = 100", "template = 'x'", "columns in braces"),
        ("constant = 100", "template = '{x'", "columns in braces"),
        ("constant = 100", "template = '{}'", "columns in braces"),
        ("constant = 100", "column = 'x', values = 3", "values: got 3"),
        ("constant = 100", "column = 'x', values = {a = 'b'}", "values a: got 'b'"),
        ("constant = 100", "column = 'x', format = '%Y'", "only for times"),
        ("constant = 100", "column = 'x', scale = 'ten'", "scale: got 'ten'"),
        (
            "constant = 100",
            "column = 'x', scale = 2, values = {a = 1}",
            "values without scale",
        ),
        ('"code"', "{ column = 'x', scale = 2 }", "only for numbers"),
        ('"code"', "7", "warehouse_id: got 7; accepted: a table"),
        ("open = true", "open = []", "at least one value"),
        ("open = true", "open = {}", "from, before, or both"),
        ("open = true", "open = { to = 3 }", "to.*accepted: from, before"),
        ("open = true", "open = { from = 'a' }", "a number, date or time"),
        ("open = true", "open = [[1]]", "a text, number"),
        ("[fields]", "[fields", "TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each mistake is refused with the file, the key, what is there and what may be."""
    assert old in WAREHOUSE
    with pytest.raises(InvalidValueError, match=message) as caught:
        _read(tmp_path, WAREHOUSE.replace(old, new))
    assert "m.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("format = 'ISO'", "strptime format, unix_s"),
        ("format = 7", "strptime format"),
        ("zone = 'Mars/Olympus'", "America/Sao_Paulo"),
        ("zone = '../../etc/passwd'", "America/Sao_Paulo"),
        ("offset = '7d'", "a sign"),
        ("offset = '+7'", "a sign"),
        ("offset = '+7days'", "a sign"),
        ("offset = 7", "a sign"),
        ("default = 'soon'", "RFC 3339"),
    ],
)
def test_mistakes_about_times(tmp_path: Path, rule: str, message: str) -> None:
    """Unknown formats, zones and offsets are refused before the first row."""
    text = (
        'kind = "return_item"\n[fields]\n'
        f"decide_by_time = {{ column = 't', {rule} }}\n"
    )
    with pytest.raises(InvalidValueError, match=message):
        _read(tmp_path, text)


def test_two_spellings_of_a_column_are_two_rules(tmp_path: Path) -> None:
    """TOML takes a dotted and a quoted key for different ones; the column is one."""
    text = WAREHOUSE + '"location.latitude" = "x"\n'
    with pytest.raises(InvalidValueError, match="two rules"):
        _read(tmp_path, text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """A mapping that is not there is said to be not there."""
    with pytest.raises(InvalidValueError, match=r"no\.toml"):
        read_mapping(tmp_path / "no.toml")
