"""Matches across the poles, the antimeridian and pentagons, over the wire."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import h3
import pytest
from google.type.latlng_pb2 import LatLng

from nearturn.v1 import decision_pb2
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import return_service_pb2 as returns
from tests.contract.api_target import Api
from tests.contract.messages import (
    activate,
    demand,
    policy,
    return_item,
    submit,
    upsert,
)
from tests.oracle.naive_neighbours import great_circle_m


class _Pair(NamedTuple):
    """A return, and a buyer on the other side of what is hard about the place."""

    item: LatLng
    buyer: LatLng


def _at(lat: float, lng: float) -> LatLng:
    return LatLng(latitude=lat, longitude=lng)


def _around(lat: float, lng: float) -> _Pair:
    # Half a kilometre to the west and to the east.
    step = 500 / (111_195 * math.cos(math.radians(lat)))
    return _Pair(_at(lat, lng - step), _at(lat, lng + step))


_PAIRS = {
    "across the north pole": _Pair(_at(89.995, 17), _at(89.995, -163)),
    "across the south pole": _Pair(_at(-89.993, -90), _at(-89.993, 90)),
    "the north pole by two longitudes": _Pair(_at(90, 0), _at(90, 120)),
    "the south pole by two longitudes": _Pair(_at(-90, 180), _at(-90, -180)),
    "from the pole": _Pair(_at(90, 45), _at(89.99, -45)),
    "across the antimeridian": _Pair(_at(10, 179.995), _at(10, -179.995)),
    "across it in the north": _Pair(_at(71, -179.99), _at(71, 179.99)),
    "the antimeridian by both names": _Pair(_at(-17, 180), _at(-17, -180)),
    **{
        f"pentagon {cell}": _around(*h3.cell_to_latlng(cell))
        for resolution in range(1, 10)
        for cell in sorted(h3.get_pentagons(resolution))[::4]
    },
}


_DISTANCES_M = {
    name: great_circle_m(*((each.latitude, each.longitude) for each in pair))
    for name, pair in _PAIRS.items()
}


def _policy(short_m: int) -> Any:
    # A category per place, whose radius is the distance, or a metre less.
    document = policy()
    rule = document.categories.pop()
    for name, distance_m in _DISTANCES_M.items():
        rule.category = name
        rule.radius_m = max(1, round(distance_m) - short_m)
        document.categories.append(rule)
    return document


@pytest.mark.parametrize("short_m", [0, 1])
async def test_hard_places_are_ordinary_places(api: Api, short_m: int):
    """Each pair is matched with its true distance; with a metre less reach it is not.

    Every place has a SKU of its own, so that only its own buyer can take the item.
    """
    await activate(api, _policy(short_m))
    demands = [
        demand(name, sku=name, category=name, location=pair.buyer)
        for name, pair in _PAIRS.items()
    ]
    items = [
        return_item(name, sku=name, category=name, location=pair.item)
        for name, pair in _PAIRS.items()
    ]
    await upsert(api, *demands)
    await submit(api, *items)
    await api(matches.RunRoundRequest())
    for name, distance_m in _DISTANCES_M.items():
        request = returns.GetReturnRequest(return_id=name)
        decision = (await api(request)).decision
        if short_m and distance_m > 1:
            assert decision.outcome == decision_pb2.OUTCOME_WAITING, name
            continue
        assert decision.outcome == decision_pb2.OUTCOME_MATCHED, name
        assert decision.match.demand_id == name
        assert decision.match.distance_m == round(distance_m)
