"""The real-order example: on a small made-up table, and on the real one."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import protovalidate
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from nearturn.v1 import demand_pb2, network_pb2, return_item_pb2
from server.files.columns import Kind
from server.files.mapping_file import read_mapping
from server.files.reading import open_table
from server.files.record import read_records

ROOT = Path(__file__).resolve().parents[3]
OLIST = ROOT / "examples" / "olist"
DATA = Path(os.environ.get("NEARTURN_DATA", ROOT.parent / "shared" / "data"))
ORDERS = DATA / "olist" / "order_items.parquet"

needs_data = pytest.mark.skipif(
    not ORDERS.is_file(), reason="the real orders are not in the data folder"
)
WEEK = datetime(2018, 5, 7)  # noqa: DTZ001 - as in the data
MESSAGES: dict[Kind, type[Message]] = {
    Kind.DEMAND: demand_pb2.Demand,
    Kind.RETURN_ITEM: return_item_pb2.ReturnItem,
    Kind.WAREHOUSE: network_pb2.Warehouse,
}
FILES = {
    "demands": Kind.DEMAND,
    "returns": Kind.RETURN_ITEM,
    "warehouses": Kind.WAREHOUSE,
}


@pytest.fixture(scope="module")
def prepare() -> ModuleType:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("prepare", OLIST / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _orders(path: Path) -> Path:
    # 300 items, one an hour from the first day of the week; delivered ten days before.
    rows: list[dict[str, Any]] = []
    for number in range(300):
        at = WEEK + timedelta(hours=number)
        rows.append(
            {
                "order_no": number // 2,
                "order_item_id": number % 2 + 1,
                "sku_no": number % 7,
                "seller_no": number % 3,
                "category": "toys",
                "price": 58.9,
                "freight_value": 10.0 + number % 5,
                "weight_g": 500,
                "shipping_limit_date": at + timedelta(days=3),
                "seller_lat": -23.0 - number % 3,
                "seller_lng": -46.0,
                "linked": number % 10 != 9,
                "buyer_no": number,
                "order_status": "canceled" if number % 10 == 8 else "delivered",
                "order_ts": at,
                "delivered_ts": at - timedelta(days=10),
                "lat": -22.0,
                "lng": -43.0 - number / 100,
            }
        )
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def _run(prepare: ModuleType, orders: Path, out: Path, *more: str) -> dict[str, Any]:
    status = prepare.main(
        ["--orders", str(orders), "--out", str(out), "--week", "2018-05-07", *more]
    )
    assert status == 0
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text())
    return summary


def _messages(path: Path, kind: Kind, mapping: Path | None = None) -> Iterator[Any]:
    rules = None if mapping is None else read_mapping(mapping)
    for record in read_records(open_table(path), kind, rules):
        if record.message is not None:
            message = json_format.ParseDict(record.message, MESSAGES[kind]())
            assert not protovalidate.collect_violations(message), message
            yield message
        else:
            # Three items of the real week have a buyer without a place.
            assert record.row.values["lat"] is None, record.faults


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_made_up_orders_become_tables(
    prepare: ModuleType, tmp_path: Path, ending: str
) -> None:
    """Of 168 items of the week every tenth is unlinked and every tenth cancelled."""
    orders = _orders(tmp_path / "orders.parquet")
    more = ("--returns-share", "1", "--format", ending, "--radius-km", "25")
    summary = _run(prepare, orders, tmp_path / "out", *more)
    assert summary["demands"] == 168 - 16 - 16
    assert summary["now_time"] == "2018-05-14T00:00:00Z"
    assert summary["returns"] > 50
    for name, kind in FILES.items():
        found = list(_messages(tmp_path / "out" / f"{name}.{ending}", kind))
        assert len(found) == summary[name]
    policies = sorted(each.name for each in (tmp_path / "out").glob("policy-*.json"))
    assert policies == ["policy-category-25km.json", "policy-sku-25km.json"]


def test_times_make_sense_at_the_end_of_the_week(
    prepare: ModuleType, tmp_path: Path
) -> None:
    """Moved to an instant of 2030, all is inspected before it and open after it."""
    orders = _orders(tmp_path / "orders.parquet")
    end = datetime(2030, 1, 1, 12, tzinfo=UTC)
    more = ("--returns-share", "1", "--end-at", end.isoformat())
    _run(prepare, orders, tmp_path, *more)
    for demand in _messages(tmp_path / "demands.parquet", Kind.DEMAND):
        assert demand.ship_by_time.ToDatetime(UTC) > end
    for item in _messages(tmp_path / "returns.parquet", Kind.RETURN_ITEM):
        assert item.decide_by_time.ToDatetime(UTC) > end
        assert item.verification.verify_time.ToDatetime(UTC) < end
        assert item.value_micros == 58_900_000


def test_same_seed_same_files(prepare: ModuleType, tmp_path: Path) -> None:
    """Seed 7 twice gives equal bytes; seed 8 gives other returns."""
    orders = _orders(tmp_path / "orders.parquet")
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        _run(prepare, orders, tmp_path / name, "--seed", seed, "--returns-share", "1")
    one, same, other = (
        (tmp_path / name / "returns.parquet").read_bytes() for name in "abc"
    )
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    "more",
    [
        ["--week", "May"],
        ["--returns-share", "2"],
        ["--warehouses", "0"],
        ["--radius-km", "0"],
        ["--end-at", "2030-01-01T00:00:00"],
    ],
)
def test_wrong_options_are_refused(
    prepare: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
) -> None:
    """Each is answered with its name, and nothing is written."""
    orders = _orders(tmp_path / "orders.parquet")
    with pytest.raises(SystemExit):
        _run(prepare, orders, tmp_path / "out", *more)
    assert more[0] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_week_without_orders_is_said(
    prepare: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A week outside the data ends with status 1 and an explanation."""
    orders = _orders(tmp_path / "orders.parquet")
    arguments = ["--orders", str(orders), "--out", str(tmp_path / "out")]
    assert prepare.main([*arguments, "--week", "2020-01-06"]) == 1
    assert "0 demands" in capsys.readouterr().err


@pytest.mark.real_data
@needs_data
def test_real_week_is_prepared(prepare: ModuleType, tmp_path: Path) -> None:
    """The week of 7 May 2018 has 883 open items, and returns by the dozen."""
    summary = _run(prepare, ORDERS, tmp_path, "--seed", "7")
    assert summary["demands"] == 883
    assert 30 < summary["returns"] < 120
    assert summary["warehouses"] == 12
    for name, kind in FILES.items():
        assert len(list(_messages(tmp_path / f"{name}.parquet", kind))) == summary[name]


@pytest.mark.real_data
@needs_data
def test_real_table_is_mapped_as_it_is() -> None:
    """The mappings read 883 demands and 743 returns, and miss only placeless ones."""
    demands = list(_messages(ORDERS, Kind.DEMAND, OLIST / "demands.toml"))
    returns = list(_messages(ORDERS, Kind.RETURN_ITEM, OLIST / "returns.toml"))
    assert (len(demands), len(returns)) == (883, 743)
    assert len({each.demand_id for each in demands}) == 883
    assert all(each.value_micros % 10_000 == 0 for each in returns)
