"""Warehouses as arrays, against loops over them one by one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from matcher.domain.decision import WarehouseRoute
from matcher.domain.ids import WarehouseId
from matcher.domain.return_item import ReturnItem
from matcher.domain.warehouse import Warehouse
from matcher.engine import network as module
from matcher.engine.network import Network, places_of
from matcher.geo import ServiceAreas
from tests.scenarios import demand, return_item, service_area, warehouse
from tests.unit.engine.naive_market import inbound, outbound

EVERYWHERE = ServiceAreas(())
STANDARD = 5_000_000


def _network(*warehouses: Warehouse) -> Network:
    return Network(warehouses, EVERYWHERE)


def _chosen(
    network: Network, item: ReturnItem, remaining: list[int]
) -> tuple[WarehouseRoute, int]:
    choice = network.cheapest_inbound(
        places_of([item]), np.array(remaining, np.int64), STANDARD
    )
    return network.stated(choice, 0), int(choice.cost_micros[0])


def test_no_warehouse_is_the_standard_route() -> None:
    """Without any, the brand's own way at its own price, however far (R55, R58)."""
    network = _network()
    route, cost = _chosen(network, return_item(), [])
    assert route == WarehouseRoute(WarehouseId(""), 0, STANDARD)
    assert cost == STANDARD
    places = places_of([return_item()])
    assert network.cheapest_outbound(places).tolist() == [-1]
    assert network.route(places, np.empty(0, np.int64), STANDARD) == [route]
    assert len(network) == 0


def test_price_is_trip_and_processing() -> None:
    """2,500 m at 20,000 a km: 3,000,000 + 50,000 + 2,000,000."""
    route, _ = _chosen(_network(warehouse("w1", 2_500)), return_item(), [1])
    assert route == WarehouseRoute(WarehouseId("w1"), 2_500, 5_050_000)


def test_half_a_micro_rounds_up() -> None:
    """1 m at 500 micros a km is half a micro, counted as one; at 499, as none."""
    for per_km, extra in ((500, 1), (499, 0)):
        one = warehouse("w1", 1, inbound_per_km_micros=per_km)
        assert _chosen(_network(one), return_item(), [1])[1] == 5_000_000 + extra


def test_dear_and_near_loses_to_cheap_and_far() -> None:
    """The choice is by cost: 10 km away and 1,000,000 less beats next door."""
    near = warehouse("near", 0)
    far = warehouse("far", 10_000, processing_micros=1_000_000)
    route, _ = _chosen(_network(near, far), return_item(), [1, 1])
    assert route.warehouse_id == "far"


def test_ties_go_to_the_lower_id() -> None:
    """Same place, same prices: w1 for every order of the input (I5)."""
    twins = [warehouse("w2"), warehouse("w1"), warehouse("w3")]
    for order in (twins, twins[::-1]):
        assert _chosen(_network(*order), return_item(), [1, 1, 1])[0] == (
            WarehouseRoute(WarehouseId("w1"), 0, 5_000_000)
        )


def test_a_full_warehouse_is_left_aside() -> None:
    """With 0 or fewer left it counts only where every accepting one is full."""
    network = _network(warehouse("near", 0), warehouse("far", 10_000))
    assert [each.warehouse_id for each in network.warehouses] == ["far", "near"]
    for left, expected in (
        ([1, 1], "near"),
        ([1, 0], "far"),
        ([1, -3], "far"),
        ([0, 0], "near"),
    ):
        assert _chosen(network, return_item(), left)[0].warehouse_id == expected


def test_categories_are_kept_to() -> None:
    """A list takes what is on it, an empty one everything; nobody is standard."""
    shoes = warehouse("shoes", categories=("shoes", "socks"))
    every = warehouse("every", 40_000)
    for category, expected in (("shoes", "shoes"), ("hats", "every")):
        item = return_item(category=category)
        network = _network(shoes, every)
        assert _chosen(network, item, [1, 1])[0].warehouse_id == expected
    alone = _network(shoes)
    item = return_item(category="hats")
    assert _chosen(alone, item, [1])[0].warehouse_id == ""
    assert alone.route(places_of([item]), np.array([1]), STANDARD) == [
        WarehouseRoute(WarehouseId(""), 0, STANDARD)
    ]
    assert alone.cheapest_outbound(places_of([item])).tolist() == [-1]


def test_no_places_is_no_error() -> None:
    """Empty in, empty out, with warehouses and without."""
    for network in (_network(), _network(warehouse())):
        left = network.daily_capacity
        assert len(network.cheapest_inbound(places_of([]), left, 0).warehouse) == 0
        assert len(network.cheapest_outbound(places_of([]))) == 0
        assert network.route(places_of([]), left, 0) == []


def test_route_fills_and_flags() -> None:
    """One place near, one far, three items: the third goes near, flagged (R58)."""
    network = _network(warehouse("near", 0, daily_capacity=1), warehouse("far", 10_000))
    items = [return_item(f"r{number}") for number in range(3)]
    routes = network.route(places_of(items), np.array([1, 1]), STANDARD)
    found = sorted((each.warehouse_id, each.over_capacity) for each in routes)
    assert found == [("far", False), ("near", False), ("near", True)]


def test_over_by_yesterday_counts_as_full() -> None:
    """A capacity lowered below what was routed leaves -4: still a flagged route."""
    routes = _network(warehouse()).route(
        places_of([return_item()]), np.array([-4]), STANDARD
    )
    assert routes == [WarehouseRoute(WarehouseId("w1"), 0, 5_000_000, True)]


def test_without_areas_everywhere_is_served() -> None:
    """No area: all. One area: its inside and its border, nothing beyond."""
    lat, lng = np.zeros(3), np.array([0.0, 0.05, 0.1])
    assert _network().in_service_area(lat, lng).all()
    areas = ServiceAreas.of([service_area(east_m=0.05 * 111_195.080)])
    served = Network((), areas).in_service_area(lat, lng)
    assert served.tolist() == [True, True, False]


def _draw(rng: random.Random) -> tuple[list[Warehouse], list[ReturnItem], list[int]]:
    def place() -> tuple[float, float]:
        return rng.randrange(-80, 80) * 1_000.0, rng.randrange(-80, 80) * 1_000.0

    warehouses = [
        warehouse(
            f"w{number}",
            *place(),
            categories=rng.choice([(), ("apparel",), ("shoes", "hats")]),
            inbound_base_micros=rng.randrange(3) * 1_000_000,
            inbound_per_km_micros=rng.choice([0, 10_000, 33_333]),
            processing_micros=rng.randrange(3) * 500_000,
            outbound_base_micros=rng.randrange(3) * 1_000_000,
            outbound_per_km_micros=rng.choice([0, 10_000, 33_333]),
        )
        for number in range(rng.randrange(1, 6))
    ]
    items = [
        return_item(
            f"r{number}", *place(), category=rng.choice(["apparel", "shoes", "gloves"])
        )
        for number in range(30)
    ]
    return warehouses, items, [rng.randrange(-1, 3) for _ in warehouses]


@pytest.mark.parametrize("cells", [4_000_000, 7])
def test_agrees_with_loops(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """40 networks, seed 3: each choice is a loop's, in one part and in many."""
    monkeypatch.setattr(module, "_TABLE_CELLS", cells)
    rng = random.Random(3)
    for _ in range(40):
        warehouses, items, left = _draw(rng)
        network = _network(*warehouses)
        remaining = {
            each.warehouse_id: units
            for each, units in zip(network.warehouses, left, strict=True)
        }
        choice = network.cheapest_inbound(
            places_of(items), np.array(left, np.int64), STANDARD
        )
        shipped = network.cheapest_outbound(places_of(items)).tolist()
        for row, item in enumerate(items):
            way = inbound(item, warehouses, remaining)
            cost, name, far = way or (STANDARD, "", 0)
            expected = WarehouseRoute(WarehouseId(name), far, cost)
            assert network.stated(choice, row) == expected
            wanted = demand(category=item.category, location=item.location)
            assert shipped[row] == outbound(wanted, warehouses, -1)
