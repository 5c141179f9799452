"""Real weeks of orders as candidate graphs: places coincide, and savings tie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.graphs import FALLBACKS
from matcher.domain.errors import InvalidValueError
from matcher.index import DemandIndex
from matcher.solve import CandidateGraph

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: What the table of order items must have; examples/olist says where it is from.
COLUMNS = ("order_ts", "delivered_ts", "category", "lat", "lng")

_WEEK = np.timedelta64(7, "D")
_RADIUS_M = 100_000
_PER_METRE_MICROS = 1_000


@dataclass(frozen=True, slots=True)
class Weeks:
    """
    Order items of many weeks.

    Parameters
    ----------
    demands, returns
        Latitude and longitude, ``float64 (n, 2)``: what was ordered, and what was
        delivered and comes back.
    demand_keys, return_keys
        A number for each week and category, ``int64 (n,)``: an item meets the orders
        of the week in which it was delivered.
    """

    demands: FloatArray
    returns: FloatArray
    demand_keys: IntArray
    return_keys: IntArray

    def graph(self, rng: Generator, rows: int, fallback: str) -> CandidateGraph:
        """
        Return the candidates within 100 km of the first ``rows`` items.

        The ordinary way costs ``FALLBACKS[fallback]`` times 100 km.
        """
        part = slice(rows)
        index = DemandIndex()
        index.insert(self.demand_keys, *self.demands.T)
        lat, lng = self.returns[part].T
        radius_m = np.full(len(lat), _RADIUS_M)
        near = index.within(self.return_keys[part], lat, lng, radius_m)
        row = np.repeat(np.arange(len(lat)), np.diff(near.row_offsets))
        order = np.lexsort((near.slots, row))
        trips = rng.uniform(*FALLBACKS[fallback], len(lat)) * _RADIUS_M
        saving = (_PER_METRE_MICROS * (trips[row] - near.distance_m)).astype(np.int64)
        order = order[saving[order] > 0]
        kept = np.bincount(row[order], minlength=len(lat))
        return CandidateGraph(
            np.append(0, np.cumsum(kept)),
            near.slots[order],
            saving[order],
            np.ones(len(self.demands), np.int32),
        )


def read_weeks(path: Path) -> Weeks:
    """
    Read all weeks of a Parquet table with a row for each order item.

    Raises
    ------
    InvalidValueError
        If the file cannot be read, has no such columns, or no item with a place.
    """
    try:
        missing = set(COLUMNS) - set(pq.read_schema(path).names)
        table = None if missing else pq.read_table(path, columns=list(COLUMNS))
    except (OSError, pa.ArrowInvalid) as error:
        raise InvalidValueError(
            "orders", str(path), "a Parquet table of order items"
        ) from error
    if table is None:
        raise InvalidValueError(
            "orders", f"no column {min(missing)}", f"columns {', '.join(COLUMNS)}"
        )
    whole = (pc.field("lat") + pc.field("lng") + 0.0).is_valid()
    table = table.filter(whole & pc.field("category").is_valid())
    if not table.num_rows:
        raise InvalidValueError("orders", str(path), "items with place and category")
    category = table["category"].combine_chunks().dictionary_encode()
    category = category.indices.to_numpy().astype(np.int64)
    places = np.column_stack([table[name].to_numpy() for name in ("lat", "lng")])

    def side(column: str) -> tuple[FloatArray, IntArray]:
        times = table[column].cast(pa.timestamp("us"), safe=False).to_numpy()
        known = ~np.isnat(times)
        week = (times[known] - np.datetime64(0, "us")) // _WEEK
        return places[known], week * (len(table) + 1) + category[known]

    demands, demand_keys = side("order_ts")
    returns, return_keys = side("delivered_ts")
    numbers = np.unique(np.append(demand_keys, return_keys), return_inverse=True)[1]
    count = len(demand_keys)
    # The first rows are whole weeks, as far as they go.
    order = np.argsort(numbers[count:], kind="stable")
    return Weeks(demands, returns[order], numbers[:count], numbers[count:][order])
