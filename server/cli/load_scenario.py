"""A generated scenario, loaded into a server over gRPC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from matcher.simulate.scenario import Scenario
from nearturn import Client, request_id
from nearturn.v1 import (
    demand_service_pb2,
    network_service_pb2,
    return_service_pb2,
)
from server.api.convert.demand import from_open_demand
from server.api.convert.network import from_warehouse
from server.api.convert.return_item import from_return_item

T = TypeVar("T")

_BATCH = 1_000


def load_scenario(client: Client, scenario: Scenario, console: Console) -> int:
    """
    Load warehouses, demands and return items, in batches, with progress.

    Returns
    -------
    int
        How many demands and return items were loaded.
    """
    for warehouse in scenario.warehouses:
        request = network_service_pb2.UpsertWarehouseRequest(
            warehouse=from_warehouse(warehouse)
        )
        # Whatever is stored of it, if anything, gives way.
        request.warehouse.ClearField("etag")
        client.network.UpsertWarehouse(request)
    for part in track(_parts(scenario.demands), "demands", console=console):
        client.demands.BatchUpsertDemands(
            demand_service_pb2.BatchUpsertDemandsRequest(
                demands=[from_open_demand(demand) for demand in part],
                request_id=request_id(),
            )
        )
    for items in track(_parts(scenario.return_items), "returns", console=console):
        client.returns.BatchSubmitReturns(
            return_service_pb2.BatchSubmitReturnsRequest(
                return_items=[from_return_item(item) for item in items],
                request_id=request_id(),
            )
        )
    return len(scenario.demands) + len(scenario.return_items)


def _parts(values: Sequence[T]) -> Sequence[Sequence[T]]:
    return [values[at : at + _BATCH] for at in range(0, len(values), _BATCH)]
