"""The JSON of demands by the column is what the store's codec writes one by one."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.demand import Demand
from matcher.domain.ids import DemandId
from matcher.domain.item import Condition
from matcher.domain.latlng import LatLng
from matcher.engine.commands import UpsertDemands
from server.api.bulk.arrow_chunk import read_chunk
from server.api.bulk.demand_batch import read_demands
from server.api.bulk.demand_texts import written_demands
from server.files.columns import Kind
from server.storage.written_demands import WrittenDemands
from tests.scenarios.arrow_tables import chunk_of, table_of

TEXT = st.sampled_from(
    [
        *("a", "D000001", "x" * 128, "größe", "\U0001f600", "a b", ",", "e\u0301"),
        *('"', "\\", 'a"b\\', "/", "<&>", "'", "\\u0041", "\\n"),
    ]
)

#: Each way in which a float is written: whole, short, long, tiny, with an exponent.
DEGREES = st.one_of(
    st.floats(-90.0, 90.0),
    st.sampled_from(
        [
            *(0.0, -0.0, 1.0, -90.0, 90.0, 1e-5, 1e-7, 5e-324, 1 / 3, 0.1 + 0.2),
            *(math.nextafter(90.0, 0.0), 1e-320, 12.5, -1e-300, 40.0),
        ]
    ),
)


@st.composite
def demands(draw: st.DrawFn) -> list[Demand]:
    """Draw demands that columns accept, each with an id of its own."""
    return [
        Demand(
            demand_id=DemandId(f"{draw(TEXT)[:100]}{number}"),
            location=LatLng(draw(DEGREES), draw(DEGREES)),
            sku=draw(TEXT),
            category=draw(TEXT),
            quantity=draw(st.sampled_from([1, 9, 1_000_000])),
            ship_by_us=draw(
                st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
            ),
            min_condition=draw(st.sampled_from([*Condition][1:])),
            accepts_returned_item=draw(st.booleans()),
            segment=draw(st.one_of(st.just(""), TEXT)),
            priority=draw(st.integers(0, 9)),
        )
        for number in range(draw(st.integers(1, 6)))
    ]


def _written(values: list[Demand], *, is_dictionary: bool = False) -> WrittenDemands:
    table = table_of(Kind.DEMAND, values)
    if is_dictionary:
        for at, name in enumerate(table.column_names):
            if name in ("demand_id", "sku", "category", "segment"):
                column = table.column(name).combine_chunks().dictionary_encode()
                table = table.set_column(at, name, column)
    return written_demands(read_demands("rows", read_chunk("rows", chunk_of(table))))


def _check(written: WrittenDemands, values: list[Demand]) -> None:
    encode = msgspec.json.encode
    assert list(written.demands) == values
    # Of the demands as they are stored: 0.0 has no sign there.
    texts = [encode(each).decode() for each in written.demands]
    assert written.documents.to_pylist() == texts
    plain = UpsertDemands(written.demands, written.etags)
    assert written.etags == ("",) * len(values)
    assert written.event == encode(plain)


@given(demands(), st.booleans())
def test_texts_are_those_of_the_codec(
    values: list[Demand], is_dictionary: bool
) -> None:
    """To the byte, whatever the ids, places and numbers are (I5)."""
    _check(_written(values, is_dictionary=is_dictionary), values)


@pytest.mark.parametrize("bad", [(0,), (1,), (0, 2), (0, 1, 2)])
def test_bad_rows_have_no_text(bad: tuple[int, ...]) -> None:
    """A row of no quantity is left out, and no other; all may be."""
    values = [
        Demand(
            DemandId(f"d{number}"),
            LatLng(1.5 * number, 2.0),
            f"sku{number}",
            "shirts",
            number + 1,
            1_800_000_000_000_000 + number,
            Condition.GOOD,
        )
        for number in range(3)
    ]
    table = table_of(Kind.DEMAND, values)
    at = table.column_names.index("quantity")
    quantity = [0 if row in bad else row + 1 for row in range(3)]
    table = table.set_column(at, "quantity", [quantity])
    batch = read_demands("rows", read_chunk("rows", chunk_of(table)))
    good = [each for row, each in enumerate(values) if row not in bad]
    _check(written_demands(batch), good)
