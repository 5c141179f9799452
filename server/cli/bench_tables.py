"""The user's own tables for the density sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from benchmarks.density import of_tables
from benchmarks.result import Result
from matcher.domain.errors import InvalidValueError
from nearturn.v1 import demand_pb2, return_item_pb2
from server.api.convert.demand import to_demand
from server.api.convert.return_item import to_return_item
from server.cli.inputs import read_all, read_mappings
from server.files import Kind


def sweep_tables(
    demands: Path, returns: Path, mappings: Sequence[Path], threads: int
) -> Iterator[Result]:
    """
    Sweep the radius over places, SKUs and quantities of two tables.

    Raises
    ------
    InvalidValueError
        If a file or row does not fit, or a table is empty.
    """
    of_kind = read_mappings(mappings)
    orders = [
        to_demand(cast(demand_pb2.Demand, each))
        for each in read_all(
            demands, Kind.DEMAND, of_kind.get(Kind.DEMAND), skip_bad_rows=False
        )
    ]
    items = [
        to_return_item(cast(return_item_pb2.ReturnItem, each))
        for each in read_all(
            returns,
            Kind.RETURN_ITEM,
            of_kind.get(Kind.RETURN_ITEM),
            skip_bad_rows=False,
        )
    ]
    for name, path, rows in (("demands", demands, orders), ("returns", returns, items)):
        if not rows:
            raise InvalidValueError(name, str(path), "at least one row")
    return of_tables(
        (
            np.array([(d.location.lat, d.location.lng) for d in orders]),
            [d.sku for d in orders],
            np.array([d.quantity for d in orders], np.int64),
        ),
        (
            np.array([(r.location.lat, r.location.lng) for r in items]),
            [r.sku for r in items],
        ),
        threads,
    )
