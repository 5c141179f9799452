"""The files of a plan as a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from matcher.domain.policy import Policy
from matcher.engine.snapshot import Snapshot
from server.api.context import all_within
from server.api.convert.demand import to_demand
from server.api.convert.network import to_warehouse
from server.api.convert.return_item import to_return_item
from server.cli.inputs import read_all, read_mappings, read_policy
from server.files import Kind, TableMapping

T = TypeVar("T")


def read_snapshot(
    demands: Path,
    returns: Path,
    warehouses: Path | None,
    policy: Path,
    mappings: Sequence[Path],
    skip_bad_rows: bool,
) -> tuple[Snapshot, Policy]:
    """
    Read all inputs of a plan.

    Raises
    ------
    InvalidValueError
        If a file, a row, or the whole does not fit.
    """
    # The policy first: it is small, and tables may be large.
    of_brand = read_policy(policy)
    tables = (demands, returns, warehouses)
    return read_tables(*tables, mappings, skip_bad_rows=skip_bad_rows), of_brand


def read_tables(
    demands: Path,
    returns: Path,
    warehouses: Path | None,
    mappings: Sequence[Path],
    *,
    skip_bad_rows: bool,
) -> Snapshot:
    """
    Read the tables of a snapshot.

    Raises
    ------
    InvalidValueError
        If a file, a row, or the whole does not fit.
    """
    of_kind = read_mappings(mappings)

    def read(path: Path, kind: Kind, convert: Callable[[Any], T]) -> tuple[T, ...]:
        mapping: TableMapping | None = of_kind.get(kind)
        messages = read_all(path, kind, mapping, skip_bad_rows=skip_bad_rows)
        return all_within(path.name, convert, messages)

    return Snapshot(
        return_items=read(returns, Kind.RETURN_ITEM, to_return_item),
        demands=read(demands, Kind.DEMAND, to_demand),
        warehouses=read(warehouses, Kind.WAREHOUSE, to_warehouse) if warehouses else (),
    )
