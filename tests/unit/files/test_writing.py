"""Tables that are written read back the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.demand import Demand
from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import DemandId, ReturnId, WarehouseId
from matcher.domain.item import Condition, Verification, VerificationStatus
from matcher.domain.latlng import LatLng
from matcher.domain.return_item import ReturnItem
from matcher.domain.warehouse import Warehouse
from matcher.simulate import ScenarioParams, generate
from nearturn.v1 import demand_pb2, network_pb2, return_item_pb2
from server.api.convert.demand import to_demand
from server.api.convert.network import to_warehouse
from server.api.convert.return_item import to_return_item
from server.files.columns import Kind
from server.files.domain_row import DomainValue
from server.files.reading import open_table
from server.files.record import read_records
from server.files.writing import write_table

NOW_US = 1_772_366_400_000_000
ENDINGS = ("csv", "parquet")


def _read_back(path: Path, kind: Kind) -> list[DomainValue]:
    found: list[DomainValue] = []
    for record in read_records(open_table(path), kind):
        assert record.message is not None, record.faults
        found.append(_to_domain(kind, record.message))
    return found


def _to_domain(kind: Kind, message: dict[str, Any]) -> DomainValue:
    if kind is Kind.DEMAND:
        return to_demand(json_format.ParseDict(message, demand_pb2.Demand()))
    if kind is Kind.WAREHOUSE:
        return to_warehouse(json_format.ParseDict(message, network_pb2.Warehouse()))
    return to_return_item(json_format.ParseDict(message, return_item_pb2.ReturnItem()))


@pytest.mark.parametrize("ending", ENDINGS)
def test_scenario_comes_back(tmp_path: Path, ending: str) -> None:
    """Every field of 300 generated rows, faults of all kinds among them, is equal."""
    params = ScenarioParams(demand_count=100, return_count=200, share_eligible=0.5)
    scenario = generate(params, np.random.default_rng(71), NOW_US)
    values: dict[Kind, tuple[DomainValue, ...]] = {
        Kind.DEMAND: scenario.demands,
        Kind.RETURN_ITEM: scenario.return_items,
        Kind.WAREHOUSE: scenario.warehouses,
    }
    for kind, expected in values.items():
        path = tmp_path / f"{kind}.{ending}"
        assert write_table(path, kind, expected) == len(expected)
        assert _read_back(path, kind) == list(expected)


# What an id may hold: everything visible, quotes, commas and semicolons included.
IDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]),
    min_size=1,
    max_size=12,
)
TIMES = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)


@settings(max_examples=40)
@given(
    ids=st.lists(IDS, min_size=4, max_size=4),
    lat=st.floats(-90, 90),
    lng=st.floats(-180, 180),
    time_us=TIMES,
    ending=st.sampled_from(ENDINGS),
)
def test_any_demand_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    ids: list[str],
    lat: float,
    lng: float,
    time_us: int,
    ending: str,
) -> None:
    """Any id, any double of a coordinate and any microsecond survive both formats."""
    demand = Demand(
        DemandId(ids[0]),
        LatLng(lat, lng),
        ids[1],
        ids[2],
        1,
        time_us,
        Condition.NEW,
        segment=ids[3],
    )
    path = tmp_path_factory.mktemp("t") / f"d.{ending}"
    write_table(path, Kind.DEMAND, [demand])
    assert _read_back(path, Kind.DEMAND) == [demand]


@settings(max_examples=30)
@given(names=st.lists(IDS, max_size=4), ending=st.sampled_from(ENDINGS))
def test_any_categories_come_back(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], ending: str
) -> None:
    """Lists of texts, with separators and backslashes inside, keep their parts."""
    warehouse = Warehouse(WarehouseId("W"), LatLng(0, 0), 0, tuple(names))
    path = tmp_path_factory.mktemp("t") / f"w.{ending}"
    write_table(path, Kind.WAREHOUSE, [warehouse])
    assert _read_back(path, Kind.WAREHOUSE) == [warehouse]


@pytest.mark.parametrize("ending", ENDINGS)
def test_little_known_is_not_nothing_known(tmp_path: Path, ending: str) -> None:
    """No inspection, one without result, and one of confidence 0 stay apart (R8)."""
    evidence = (
        None,
        Verification(VerificationStatus.UNSPECIFIED),
        Verification(VerificationStatus.PASSED, confidence=0.0),
    )
    items = [
        ReturnItem(
            ReturnId(f"R{number}"),
            "O",
            "C",
            LatLng(0, 0),
            "S",
            "apparel",
            NOW_US,
            verification=each,
        )
        for number, each in enumerate(evidence)
    ]
    path = tmp_path / f"r.{ending}"
    write_table(path, Kind.RETURN_ITEM, items)
    assert _read_back(path, Kind.RETURN_ITEM) == items


def test_table_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """When writing fails halfway the old table is still there, and no part of a new."""
    path = tmp_path / "w.csv"
    warehouse = Warehouse(WarehouseId("W1"), LatLng(0, 0), 5)
    write_table(path, Kind.WAREHOUSE, [warehouse])

    def broken() -> Any:
        yield Warehouse(WarehouseId("W2"), LatLng(0, 0), 5)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_table(path, Kind.WAREHOUSE, broken())
    assert _read_back(path, Kind.WAREHOUSE) == [warehouse]
    assert [each.name for each in tmp_path.iterdir()] == ["w.csv"]


def test_other_endings_are_refused(tmp_path: Path) -> None:
    """Before anything is written the name is checked."""
    with pytest.raises(InvalidValueError, match=r"\.csv or \.parquet"):
        write_table(tmp_path / "w.json", Kind.WAREHOUSE, [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ENDINGS)
def test_empty_table_has_its_columns(tmp_path: Path, ending: str) -> None:
    """No rows still make a table of the kind."""
    path = tmp_path / f"d.{ending}"
    assert write_table(path, Kind.DEMAND, []) == 0
    assert _read_back(path, Kind.DEMAND) == []
