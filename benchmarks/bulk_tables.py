"""Tables for the bulk family: as many demands as wanted, made by column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import Scenario, generate
from server.files.columns import Kind
from server.files.domain_row import domain_row

_DRAWN = 20_000


def scenario(return_count: int, seed: int, now_us: int) -> Scenario:
    """Return a drawn market, whose demands are the pattern of the tables."""
    params = ScenarioParams(
        demand_count=_DRAWN, return_count=return_count, sku_count=3_000
    )
    return generate(params, np.random.default_rng(seed), now_us)


def demand_table(drawn: Scenario, count: int, seed: int) -> Any:
    """Return the demands again and again, under ids of their own, each moved a bit."""
    base = pa.Table.from_pylist([domain_row(Kind.DEMAND, d) for d in drawn.demands])
    table = pa.concat_tables([base] * -(-count // _DRAWN)).slice(0, count)
    lat = table.column("location.latitude").to_numpy()
    moved = lat + np.random.default_rng(seed).normal(0.0, 0.05, count)
    values = {
        "demand_id": pa.array([f"D{number:09d}" for number in range(count)]),
        "location.latitude": pa.array(np.clip(moved, -90.0, 90.0)),
    }
    for name in ("sku", "category", "min_condition"):
        values[name] = table.column(name).combine_chunks().dictionary_encode()
    for name, column in values.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table.combine_chunks()


def return_table(drawn: Scenario) -> Any:
    """Return the return items of a market."""
    rows = [domain_row(Kind.RETURN_ITEM, each) for each in drawn.return_items]
    return pa.Table.from_pylist(rows)
