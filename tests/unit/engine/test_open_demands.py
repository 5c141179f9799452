"""The live index of open demands with its attribute rows."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from matcher.domain.demand import DemandState
from matcher.domain.ids import DemandId
from matcher.domain.item import Condition
from matcher.domain.policy import MatchKey
from matcher.engine.network import Network
from matcher.engine.open_demands import OpenDemands
from matcher.engine.records import DemandRecord
from matcher.geo import ServiceAreas
from tests.scenarios import demand, demand_record, service_area, warehouse
from tests.unit.engine.naive_market import metres

PLAIN = Network((), ServiceAreas(()))


def _open(records: Iterable[DemandRecord], network: Network = PLAIN) -> OpenDemands:
    found = OpenDemands(network)
    found.update(records)
    return found


def _near(
    demands: OpenDemands,
    key: str = "shirt",
    radius_m: int = 50_000,
    match_key: MatchKey = MatchKey.SKU,
) -> dict[str, int]:
    found, rows = demands.within(
        np.array([demands.key(match_key, key)]),
        np.zeros(1),
        np.zeros(1),
        np.array([radius_m]),
    )
    ids = [demands.record(row).demand.demand_id for row in rows.tolist()]
    assert len(set(ids)) == len(ids)
    return dict(zip(ids, found.distance_m.tolist(), strict=True))


def test_found_by_sku_and_by_category() -> None:
    """One row answers to both keys; a key nobody ever had finds nothing."""
    demands = _open([demand_record(demand("d1", 700))])
    assert _near(demands) == {"d1": 700}
    assert _near(demands, "apparel", match_key=MatchKey.CATEGORY) == {"d1": 700}
    assert _near(demands, "apparel") == {}


def test_a_sku_named_as_a_category_is_another_key() -> None:
    """SKU "apparel" and category "apparel" do not meet."""
    demands = _open([demand_record(demand("d1", sku="apparel", category="shoes"))])
    assert _near(demands, "apparel", match_key=MatchKey.CATEGORY) == {}
    assert _near(demands, "apparel") == {"d1": 0}


def test_without_consent_never_indexed() -> None:
    """A buyer who does not accept returned items is not there at all."""
    demands = _open([demand_record(demand(accepts_returned_item=False))])
    assert len(demands) == 0
    assert demands.row(DemandId("d1")) == -1


def test_closed_and_fully_held_are_not_there() -> None:
    """No open unit, no row: held, fulfilled, cancelled and expired alike."""
    record = demand_record(demand())
    for closed in (
        replace(record, held_count=1, state=DemandState.HELD),
        replace(record, fulfilled_count=1, state=DemandState.FULFILLED),
        replace(record, state=DemandState.CANCELLED),
        replace(record, state=DemandState.EXPIRED),
    ):
        demands = _open([record])
        demands.update([closed])
        assert len(demands) == 0
        assert _near(demands) == {}


def test_units_change_in_place() -> None:
    """From three open units to two: the same row, the new count."""
    record = demand_record(demand(quantity=3))
    demands = _open([record])
    row = demands.row(DemandId("d1"))
    demands.update([replace(record, held_count=1, version=2)])
    assert demands.row(DemandId("d1")) == row
    assert demands.open_count[row] == 2
    assert demands.record(row).version == 2


def test_reopened_after_a_hold_ended() -> None:
    """Held and gone, released and back at its place."""
    record = demand_record(demand("d1", 900))
    demands = _open([record])
    demands.update([replace(record, held_count=1)])
    demands.update([record])
    assert _near(demands) == {"d1": 900}


def test_a_changed_demand_moves() -> None:
    """Another place, key and floor: found at the new ones, not at the old."""
    demands = _open([demand_record(demand("d1", 900))])
    moved = demand("d1", 1_200, sku="coat", min_condition=Condition.NEW, priority=4)
    demands.update([demand_record(moved)])
    assert _near(demands) == {}
    assert _near(demands, "coat") == {"d1": 1_200}
    row = demands.row(DemandId("d1"))
    assert demands.min_condition[row] == Condition.NEW
    assert demands.priority[row] == 4
    assert len(demands) == 1


def test_the_last_of_one_batch_counts() -> None:
    """The same id twice in one update: as if only the later one had come."""
    record = demand_record(demand(quantity=3))
    later = replace(record, held_count=2)
    demands = _open([record, later])
    assert demands.open_count[demands.row(DemandId("d1"))] == 1
    demands.update([replace(record, state=DemandState.CANCELLED), later])
    assert len(demands) == 1


def test_rows_are_used_again() -> None:
    """1,000 in and out one after the other never hold more than one row."""
    demands = OpenDemands(PLAIN)
    for number in range(1_000):
        record = demand_record(demand(f"d{number}"))
        demands.update([record])
        assert demands.row(record.demand.demand_id) == 0
        demands.update([replace(record, state=DemandState.CANCELLED)])
    assert len(demands) == 0
    assert len(demands._records) == 1


def test_a_reused_row_keeps_nothing() -> None:
    """The next demand in a row has its own area, price and floor."""
    near = Network(
        [warehouse(categories=("apparel",))], ServiceAreas.of([service_area()])
    )
    demands = _open([demand_record(demand("d1", 5_000))], near)
    row = demands.row(DemandId("d1"))
    assert demands.outbound_micros(np.array([row]), 9).tolist() == [4_100_000]
    demands.update([demand_record(demand("d1"), state=DemandState.CANCELLED)])
    demands.update([demand_record(demand("d2", 50_000, category="shoes"))])
    assert demands.row(DemandId("d2")) == row
    assert not demands.served[row]
    assert demands.outbound_micros(np.array([row]), 9).tolist() == [9]


def test_grows_past_its_first_size() -> None:
    """3,000 demands at once, against 1,024 rows at first: all are found."""
    demands = _open(demand_record(demand(f"d{n}", n)) for n in range(3_000))
    assert _near(demands) == {f"d{n}": n for n in range(3_000)}


def test_another_network_reprices_and_rejudges() -> None:
    """A nearer warehouse is cheaper; an area leaves out who lies beyond it."""
    demands = _open([demand_record(demand("d1", 20_000))])
    rows = np.array([demands.row(DemandId("d1"))])
    assert demands.outbound_micros(rows, 9).tolist() == [9]
    assert demands.served[rows].all()
    demands.set_network(Network([warehouse("w1", 0)], PLAIN.areas))
    assert demands.outbound_micros(rows, 9).tolist() == [4_400_000]
    areas = ServiceAreas.of([service_area()])
    demands.set_network(Network([warehouse("w1", 20_000)], areas))
    assert demands.outbound_micros(rows, 9).tolist() == [4_000_000]
    assert not demands.served[rows].any()
    demands.set_network(Network([], ServiceAreas(())))
    assert demands.outbound_micros(rows, 9).tolist() == [9]
    assert demands.served[rows].all()


def test_nearest_is_of_the_key() -> None:
    """The nearest coat is 3 km off though a shirt lies at 1; none is -1."""
    demands = _open(
        [
            demand_record(demand("d1", 1_000)),
            demand_record(demand("d2", 3_000, sku="coat")),
        ]
    )
    keys = np.array([demands.key(MatchKey.SKU, each) for each in ("coat", "hat")])
    assert demands.nearest_m(keys, np.zeros(2), np.zeros(2)).tolist() == [3_000, -1]


def test_agrees_with_a_dictionary_whatever_the_history() -> None:
    """600 random moves, seed 5: what is found depends on what is open, alone (I5)."""
    rng = random.Random(5)
    demands, expected = OpenDemands(PLAIN), dict[str, DemandRecord]()
    for _ in range(200):
        batch = []
        for _ in range(3):
            record = demand_record(
                demand(
                    f"d{rng.randrange(25)}",
                    rng.randrange(-60, 60) * 1_000,
                    rng.randrange(-60, 60) * 1_000,
                    sku=rng.choice(["shirt", "coat"]),
                    quantity=2,
                ),
                held_count=rng.randrange(3),
            )
            batch.append(record)
            expected[record.demand.demand_id] = record
        demands.update(batch)
        for sku in ("shirt", "coat"):
            assert _near(demands, sku) == {
                name: far
                for name, record in expected.items()
                if record.open_count
                and record.demand.sku == sku
                and (far := metres(demand().location, record.demand.location)) <= 50_000
            }
    rebuilt = _open(expected.values())
    assert _near(rebuilt) == _near(demands)
    assert len(rebuilt) == len(demands)
