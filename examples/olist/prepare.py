#!/usr/bin/env python3
"""
Make demands, returns and warehouses of one real week out of Olist's orders.

Demands are the order items of that week. Olist holds no returns, so a return is a
delivered item that comes back some days later; whether it does, and its reason,
condition and evidence, are drawn from the seeded tables below. Sellers' places stand
for warehouses. README.md beside this file says what is real and what is drawn.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

Row = dict[str, Any]
Table = tuple[tuple[str, int], ...]

WEEK = timedelta(days=7)
#: Orders may wait as long as the window that they are planned in.
SHIP_BY_GRACE = timedelta(days=7)
#: A return waits so long for a buyer, from the day that it comes back.
HOLD = timedelta(days=14)
#: Days from delivery to return; most come early: 3 + 27 u ** 2.
LAG_DAYS = (3, 27)

# Values and weights, in hundredths.
REASONS: Table = (
    ("FIT", 38),
    ("PREFERENCE", 24),
    ("NO_LONGER_NEEDED", 14),
    ("NOT_AS_DESCRIBED", 6),
    ("ARRIVED_LATE", 5),
    ("DAMAGED", 6),
    ("DEFECTIVE", 5),
    ("OTHER", 2),
)
CONDITIONS: Table = (
    ("NEW", 30),
    ("LIKE_NEW", 42),
    ("GOOD", 18),
    ("FAIR", 7),
    ("POOR", 3),
)
STATUSES: Table = (("PASSED", 89), ("FAILED", 4), ("PENDING", 3), ("UNSPECIFIED", 4))
FLOORS: Table = (("GOOD", 60), ("LIKE_NEW", 30), ("NEW", 10))
CONSENTING_BUYERS = 0.9
CONSENTING_CUSTOMERS = 0.95
#: Confidence of an inspection, from and to; few are unsure: 1 - 0.5 u ** 6.
UNSURE_SPAN = 0.5

FRAGILE = frozenset({"art", "musical_instruments", "cine_photo"})
REGULATED = frozenset({"drinks", "food", "food_drink", "perfumery", "flowers"})
NOT_OPEN = frozenset({"canceled", "unavailable"})

# Warehouses: no two nearer than this; prices that no column of the data tells.
APART_KM = 60.0
PROCESSING_MICROS = 6_000_000
EARTH_KM = 6371.007180918475

COLUMNS = [
    "order_no",
    "order_item_id",
    "sku_no",
    "seller_no",
    "category",
    "price",
    "freight_value",
    "weight_g",
    "shipping_limit_date",
    "seller_lat",
    "seller_lng",
    "buyer_no",
    "order_status",
    "order_ts",
    "delivered_ts",
    "lat",
    "lng",
]


def read_items(path: Path) -> list[Row]:
    """Return the linked order items with a place, sorted; times in UTC."""
    table = pq.read_table(path, columns=[*COLUMNS, "linked"])
    table = table.filter(pc.field("linked") & pc.field("lat").is_valid()).drop("linked")
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            # The data carries no zone; local times are read as UTC.
            times = table.column(index).cast(pa.timestamp("us"), safe=False)
            table = table.set_column(
                index, field.name, times.cast(pa.timestamp("us", "UTC"))
            )
    table = table.sort_by([("order_no", "ascending"), ("order_item_id", "ascending")])
    rows: list[Row] = table.to_pylist()
    return rows


def pick(table: Table, uniform: float) -> str:
    """Return the value of a table that a number from 0 to 1 falls on."""
    left = uniform * sum(weight for _, weight in table)
    for value, weight in table:
        left -= weight
        if left < 0:
            return value
    return table[-1][0]


def make_demands(
    items: list[Row], start: datetime, rng: np.random.Generator
) -> list[Row]:
    """Return the open demand of the week: one row per order item."""
    demands = []
    for item, draw in zip(items, rng.random((len(items), 2)).tolist(), strict=True):
        at = item["order_ts"]
        if at is None or not start <= at < start + WEEK:
            continue
        if item["order_status"] in NOT_OPEN:
            continue
        demands.append(
            {
                "demand_id": f"{item['order_no']}-{item['order_item_id']}",
                "location.latitude": item["lat"],
                "location.longitude": item["lng"],
                "sku": str(item["sku_no"]),
                "category": item["category"],
                "quantity": 1,
                "ship_by_time": max(
                    item["shipping_limit_date"] + SHIP_BY_GRACE,
                    start + WEEK + timedelta(days=1),
                ),
                "min_condition": pick(FLOORS, draw[0]),
                "accepts_returned_item": draw[1] < CONSENTING_BUYERS,
            }
        )
    return demands


def make_returns(
    items: list[Row], start: datetime, share: float, rng: np.random.Generator
) -> list[Row]:
    """Return the items that come back in the week, drawn from the delivered ones."""
    returns = []
    for item, draw in zip(items, rng.random((len(items), 8)).tolist(), strict=True):
        delivered = item["delivered_ts"]
        if delivered is None or draw[0] >= share:
            continue
        days = LAG_DAYS[0] + LAG_DAYS[1] * draw[1] ** 2
        back = delivered + timedelta(seconds=int(days * 86_400))
        if start <= back < start + WEEK:
            returns.append(make_return(item, back, start + WEEK, draw[2:]))
    siblings = Counter(row["order_id"] for row in returns)
    for row in returns:
        row["order_return_count"] = siblings[row["order_id"]]
    return returns


def make_return(item: Row, back: datetime, now: datetime, draw: list[float]) -> Row:
    """Return one return item: a real item, place and value, drawn facts."""
    reason = pick(REASONS, draw[0])
    status = pick(STATUSES, draw[2])
    row: Row = {
        "return_id": f"r{item['order_no']}-{item['order_item_id']}",
        "order_id": str(item["order_no"]),
        "customer_id": str(item["buyer_no"]),
        "location.latitude": item["lat"],
        "location.longitude": item["lng"],
        "sku": str(item["sku_no"]),
        "category": item["category"],
        "reason": reason,
        "condition": pick(CONDITIONS, draw[1]),
        "attributes.fragile": fact(item["category"] in FRAGILE),
        "attributes.regulated": fact(item["category"] in REGULATED),
        "attributes.custom_made": fact(False),
        "attributes.damaged": fact(reason == "DAMAGED"),
        "attributes.defective": fact(reason == "DEFECTIVE"),
        "attributes.end_of_season": fact(item["category"] == "christmas_supplies"),
        "customer_consents": draw[5] < CONSENTING_CUSTOMERS,
        "value_micros": round(item["price"] * 100) * 10_000,
        "decide_by_time": back + HOLD,
        "channel": "WEB",
        "transit_state": "WITH_CUSTOMER",
        "order_return_count": 1,
        "weight_grams": item["weight_g"],
    }
    if status != "UNSPECIFIED":
        inspected = back + timedelta(seconds=int(draw[4] * 86_400))
        row |= {
            "verification.status": status,
            "verification.method": "photo",
            "verification.source": "example-grader",
            "verification.source_version": "1",
            "verification.evidence_id": f"e{item['order_no']}-{item['order_item_id']}",
            "verification.confidence": round(1 - UNSURE_SPAN * draw[3] ** 6, 3),
            "verification.verify_time": min(inspected, now - timedelta(seconds=1)),
        }
    return row


def fact(is_so: bool) -> str:
    """Return a known fact by its name."""
    return "YES" if is_so else "NO"


def make_warehouses(items: list[Row], count: int, return_count: int) -> list[Row]:
    """Return the places of the busiest sellers, no two near each other."""
    sold: Counter[tuple[float, float]] = Counter(
        (item["seller_lat"], item["seller_lng"])
        for item in items
        if item["seller_lat"] is not None
    )
    base, per_km = freight_terms(items)
    places: list[tuple[float, float]] = []
    for place, _ in sorted(sold.items(), key=lambda each: (-each[1], each[0])):
        if len(places) == count:
            break
        if all(distance_km(place, other) >= APART_KM for other in places):
            places.append(place)
    # Together they take a fifth more than comes back; the first ones take most.
    total = sum(1 / rank for rank in range(1, len(places) + 1))
    return [
        {
            "warehouse_id": f"w{rank:02d}",
            "location.latitude": lat,
            "location.longitude": lng,
            "daily_capacity": math.ceil(1.2 * return_count / rank / total),
            "inbound_base_micros": base,
            "inbound_per_km_micros": per_km,
            "processing_micros": PROCESSING_MICROS,
            "outbound_base_micros": base,
            "outbound_per_km_micros": per_km,
        }
        for rank, (lat, lng) in enumerate(places, 1)
    ]


def freight_terms(items: list[Row]) -> tuple[int, int]:
    """Fit freight = base + per_km * distance to the real freight; micros."""
    pairs = [
        (
            distance_km(
                (item["seller_lat"], item["seller_lng"]), (item["lat"], item["lng"])
            ),
            item["freight_value"],
        )
        for item in items
        if item["seller_lat"] is not None
    ]
    distance, freight = np.array(pairs).T
    design = np.column_stack([np.ones(len(distance)), distance])
    base, per_km = np.linalg.lstsq(design, freight, rcond=None)[0].tolist()
    # Whole cents: platforms differ in the last bits of a fit.
    return round(base * 100) * 10_000, round(per_km * 1_000) * 1_000


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the great-circle distance of two places in degrees."""
    lat_a, lat_b = math.radians(a[0]), math.radians(b[0])
    turn = math.radians(a[1] - b[1])
    half = (
        math.sin((lat_a - lat_b) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin(turn / 2) ** 2
    )
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def shift(rows: list[Row], by: timedelta) -> list[Row]:
    """Return the rows with every time moved."""
    return [
        {
            name: value + by if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def write_rows(folder: Path, name: str, ending: str, rows: list[Row]) -> Path:
    """Write rows as a table with the columns that any of them has."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns: dict[str, Any] = {
        column: pa.array([row.get(column) for row in rows]) for column in names
    }
    path = folder / f"{name}.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table(columns), path)
        return path
    for column, values in columns.items():
        if pa.types.is_timestamp(values.type):
            times = [
                None if moment is None else moment.isoformat()
                for moment in values.to_pylist()
            ]
            columns[column] = pa.array(times, pa.string())
    pyarrow.csv.write_csv(pa.table(columns), path)
    return path


def write_policies(folder: Path, radii_km: list[int]) -> None:
    """Write the policies beside this file once per radius."""
    for key in ("sku", "category"):
        source = Path(__file__).with_name(f"policy-{key}.json")
        for radius_km in radii_km:
            policy = json.loads(source.read_text(encoding="utf-8"))
            for rule in policy["categories"]:
                rule["radius_m"] = radius_km * 1_000
            target = folder / f"policy-{key}-{radius_km}km.json"
            target.write_text(json.dumps(policy, indent=2) + "\n", encoding="utf-8")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read and check the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--orders", type=Path, required=True, help="order_items.parquet"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--week", required=True, help="its first day, as 2018-05-07")
    parser.add_argument("--seed", type=int, default=7, help="of what is drawn")
    parser.add_argument(
        "--returns-share", type=float, default=0.08, help="of delivered items, 0 to 1"
    )
    parser.add_argument("--warehouses", type=int, default=12, help="how many, 1 to 200")
    parser.add_argument(
        "--radius-km", type=int, nargs="+", default=[25, 100, 250], help="per policy"
    )
    parser.add_argument("--format", choices=("parquet", "csv"), default="parquet")
    parser.add_argument(
        "--end-at",
        help="move all times so that the week ends at this RFC 3339 time: now, say",
    )
    options = parser.parse_args(arguments)
    if not options.orders.is_file():
        parser.error(f"--orders: {options.orders} is no file")
    if not 0 <= options.returns_share <= 1:
        parser.error(f"--returns-share: {options.returns_share}; accepted: 0 to 1")
    if not 1 <= options.warehouses <= 200:
        parser.error(f"--warehouses: {options.warehouses}; accepted: 1 to 200")
    if not all(1 <= radius <= 500 for radius in options.radius_km):
        parser.error(f"--radius-km: {options.radius_km}; accepted: 1 to 500")
    try:
        options.start = datetime.fromisoformat(options.week).replace(tzinfo=UTC)
        options.end = options.start + WEEK
        if options.end_at:
            options.end = datetime.fromisoformat(options.end_at)
    except ValueError as error:
        parser.error(f"--week or --end-at: {error}")
    if options.end.tzinfo is None:
        parser.error(f"--end-at: {options.end_at}; accepted: a time with its zone")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Write the tables, the policies and a summary; return the exit status."""
    options = parse_arguments(arguments)
    items = read_items(options.orders)
    # One stream each: other returns leave the demands as they were.
    streams = np.random.default_rng(options.seed).spawn(2)
    demands = make_demands(items, options.start, streams[0])
    returns = make_returns(items, options.start, options.returns_share, streams[1])
    if not demands or not returns:
        sys.stderr.write(
            f"{len(demands)} demands and {len(returns)} returns in the week of "
            f"{options.week}; the orders reach from January 2017 to August 2018\n"
        )
        return 1
    moved = options.end - (options.start + WEEK)
    tables = {
        "demands": shift(demands, moved),
        "returns": shift(returns, moved),
        "warehouses": make_warehouses(items, options.warehouses, len(returns)),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        path = write_rows(options.out, name, options.format, rows)
        sys.stdout.write(f"{len(rows):6d} {path}\n")
    write_policies(options.out, options.radius_km)
    summary = {
        "week": options.week,
        "seed": options.seed,
        "returns_share": options.returns_share,
        "now_time": options.end.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        **{name: len(rows) for name, rows in tables.items()},
    }
    text = json.dumps(summary, indent=2) + "\n"
    (options.out / "summary.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
