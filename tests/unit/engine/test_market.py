"""A round's market against loops over every pair."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from matcher.domain.ids import DemandId, WarehouseId
from matcher.domain.item import Condition
from matcher.domain.policy import CostModel, MatchKey, Policy, ZoneRate
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine import market as module
from matcher.engine.market import Market, PoolItem, Verdict, collect
from matcher.engine.network import Network
from matcher.engine.open_demands import OpenDemands
from matcher.engine.records import DemandRecord
from matcher.geo import ServiceAreas
from tests.scenarios import (
    HOUR_US,
    NOW_US,
    demand,
    demand_record,
    policy,
    return_item,
    rule,
    service_area,
    warehouse,
)
from tests.unit.engine.naive_market import NaiveMarket, NaiveRow


def _market(
    items: Sequence[PoolItem],
    records: Sequence[DemandRecord],
    terms: Policy | None = None,
    warehouses: Sequence[Warehouse] = (),
    areas: Sequence[ServiceArea] = (),
    remaining: Sequence[int] | None = None,
) -> Market:
    network = Network(warehouses, ServiceAreas.of(areas))
    demands = OpenDemands(network)
    demands.update(records)
    left = network.daily_capacity if remaining is None else np.array(remaining)
    return collect(
        items, demands, network, terms or policy(), remaining=left, now_us=NOW_US
    )


def _verdict(record: DemandRecord, entry: PoolItem, terms: Policy) -> Verdict:
    counts = _market([entry], [record], terms).verdict_count[0]
    assert counts.sum() == 1
    return Verdict(int(counts.argmax()))


ITEM = PoolItem(return_item(), rule())


def test_the_default_pair_is_a_candidate() -> None:
    """At 10 km: label 3,100,000, fallback 9,000,000, saving 5,900,000 (R64)."""
    market = _market([ITEM], [demand_record(demand("d1", 10_000))])
    assert market.verdict_count[0, Verdict.CANDIDATE] == 1
    assert market.distance_m.tolist() == [10_000]
    assert market.label_micros.tolist() == [3_100_000]
    assert market.fallback_micros.tolist() == [9_000_000]
    assert market.graph.saving.tolist() == [5_900_000]
    assert market.graph.capacity.tolist() == [1]
    assert market.open_demand_count == 1


def test_no_item_and_no_demand_are_no_error() -> None:
    """All four corners: nothing, items only, demands only, one of each."""
    for items in ([], [ITEM]):
        for records in ([], [demand_record(demand())]):
            market = _market(items, records)
            pairs = len(items) * len(records)
            assert len(market.graph.columns) == pairs
            assert market.graph.row_count == len(items)
            assert len(market.demands) == pairs
            assert market.open_demand_count == len(records)


def test_the_radius_is_included() -> None:
    """50,000 m of 50,000 is in; one metre more is out and is the nearest (R14)."""
    inside = _market([ITEM], [demand_record(demand("d1", 50_000))])
    assert inside.distance_m.tolist() == [50_000]
    assert inside.nearest_m.tolist() == [-1]
    outside = _market([ITEM], [demand_record(demand("d1", 50_001))])
    assert outside.verdict_count.sum() == 0
    assert outside.key_count.tolist() == [1]
    assert outside.nearest_m.tolist() == [50_001]


def test_condition_at_the_floor_is_enough() -> None:
    """LIKE_NEW for a buyer who asks LIKE_NEW; one grade above is refused (R10)."""
    for floor, expected in (
        (Condition.LIKE_NEW, Verdict.CANDIDATE),
        (Condition.NEW, Verdict.NEEDS_BETTER_CONDITION),
    ):
        record = demand_record(demand(min_condition=floor))
        assert _verdict(record, ITEM, policy()) is expected


def test_shipping_at_the_end_of_the_handling_time_is_too_soon() -> None:
    """An hour of handling: an order shipping in exactly an hour is not held up."""
    terms = policy(handling_duration_us=HOUR_US)
    for ship_by_us, expected in (
        (NOW_US + HOUR_US, Verdict.SHIPS_TOO_SOON),
        (NOW_US + HOUR_US + 1, Verdict.CANDIDATE),
    ):
        record = demand_record(demand(ship_by_us=ship_by_us))
        assert _verdict(record, ITEM, terms) is expected


def test_a_released_pair_is_not_made_again() -> None:
    """d1 was released from this item; d2, and d1 with another item, may be."""
    released = replace(ITEM, released_demand_ids=(DemandId("d1"), DemandId("gone")))
    records = [demand_record(demand("d1")), demand_record(demand("d2"))]
    other = PoolItem(return_item("r2"), rule())
    market = _market([released, other], records)
    assert market.verdict_count[0, Verdict.RELEASED_BEFORE] == 1
    assert market.verdict_count[:, Verdict.CANDIDATE].tolist() == [1, 2]
    assert market.graph.columns.tolist() == [1, 0, 1]


def test_the_first_zone_that_holds_both_prices_the_label() -> None:
    """Zones to 10 and 20 km, to 500 g and a kilogram; bounds included."""
    model = CostModel(
        zones=(
            ZoneRate(10_000, 500, 1_000_000),
            ZoneRate(10_000, 1_000, 2_000_000),
            ZoneRate(20_000, 500, 3_000_000),
        ),
        standard_return_micros=9_000_000,
    )
    terms = policy(cost_model=model)
    for east_m, grams, price in (
        (10_000, 500, 1_000_000),
        (10_000, 501, 2_000_000),
        (10_001, 500, 3_000_000),
        (10_001, 501, None),
        (20_001, 500, None),
    ):
        entry = PoolItem(return_item(weight_grams=grams), rule())
        market = _market([entry], [demand_record(demand("d1", east_m))], terms)
        assert market.label_micros.tolist() == ([] if price is None else [price])
        no_rate = int(market.verdict_count[0, Verdict.NO_LABEL_RATE])
        assert no_rate == (price is None)


def test_the_threshold_itself_suffices() -> None:
    """A saving of 5,900,000: asked for as much it counts, for one more not (R14)."""
    record = demand_record(demand("d1", 10_000))
    for least, expected in (
        (5_900_000, Verdict.CANDIDATE),
        (5_900_001, Verdict.SAVING_BELOW_THRESHOLD),
    ):
        entry = PoolItem(return_item(), rule(min_saving_micros=least))
        assert _verdict(record, entry, policy()) is expected
    assert _market([entry], [record]).best_micros.tolist() == [5_900_000]


def test_priority_adds_its_steps() -> None:
    """Three steps of 100,000 on top of 6,000,000, without changing either price."""
    model = replace(policy().cost_model, priority_step_micros=100_000)
    record = demand_record(demand(priority=3))
    market = _market([ITEM], [record], policy(cost_model=model))
    assert market.graph.saving.tolist() == [6_300_000]
    assert market.fallback_micros.tolist() == [9_000_000]
    assert market.label_micros.tolist() == [3_000_000]


def test_capacity_is_the_open_units() -> None:
    """Five wanted, two held, one fulfilled: two left."""
    record = demand_record(demand(quantity=5), held_count=2, fulfilled_count=1)
    assert _market([ITEM], [record]).graph.capacity.tolist() == [2]


def test_columns_stand_by_id_whatever_the_history() -> None:
    """Demands that came as d9, d1, d5 are columns d1, d5, d9 (I5)."""
    records = [demand_record(demand(name)) for name in ("d9", "d1", "d5")]
    market = _market([ITEM], records)
    names = [record.demand.demand_id for record in market.demands]
    assert names == ["d1", "d5", "d9"]
    assert market.edge(0, 2) == 2


def test_a_pair_that_is_no_candidate_has_no_edge() -> None:
    """Asking for it is a bug of ours and is asserted."""
    coat = PoolItem(return_item("r2", sku="coat"), rule())
    records = [demand_record(demand("d1")), demand_record(demand("d2", sku="coat"))]
    market = _market([ITEM, coat], records)
    assert market.edge(1, 1) == 1
    with pytest.raises(AssertionError):
        market.edge(0, 1)


GRID_M = [each * 5_000.0 for each in range(-6, 7)]
ZONES = (ZoneRate(10_000, 500, 2_000_000), ZoneRate(30_000, 900, 4_000_000))


class _Draw:
    """One random market, with many ties, limits met exactly, and coinciding places."""

    def __init__(self, seed: int) -> None:
        rng = self.rng = random.Random(seed)
        self.policy = self._policy()
        self.records = [self._record(number) for number in range(rng.randrange(40))]
        self.items = [self._item(number) for number in range(rng.randrange(30))]
        self.warehouses = [self._warehouse(n) for n in range(rng.randrange(4))]
        self.remaining = [rng.randrange(2) for _ in self.warehouses]
        self.areas = [service_area("a1", -20_000, 15_000)] if seed % 3 == 0 else []

    def _policy(self) -> Policy:
        rng = self.rng
        return policy(
            rule(
                match_key=rng.choice([MatchKey.SKU, MatchKey.CATEGORY]),
                radius_m=rng.choice([5_000, 20_000, 60_000]),
                min_saving_micros=rng.choice([1, 1_000_000, 2_500_000]),
            ),
            cost_model=CostModel(
                label_base_micros=rng.choice([0, 3_000_000]),
                label_per_km_micros=rng.choice([0, 10_000, 120_000]),
                zones=rng.choice([(), ZONES]),
                standard_return_micros=rng.choice([0, 2_500_000]),
                standard_shipping_micros=rng.choice([0, 2_500_000]),
                priority_step_micros=rng.choice([0, 250_000]),
            ),
            handling_duration_us=rng.choice([0, HOUR_US]),
        )

    def _record(self, number: int) -> DemandRecord:
        rng = self.rng
        floors = [Condition.GOOD, Condition.LIKE_NEW, Condition.NEW]
        wanted = demand(
            f"d{number:02d}",
            rng.choice(GRID_M),
            rng.choice(GRID_M),
            sku=rng.choice(["shirt", "coat"]),
            category=rng.choice(["apparel", "apparel", "shoes"]),
            quantity=rng.randrange(1, 4),
            ship_by_us=NOW_US + rng.choice([HOUR_US, 5 * HOUR_US]),
            min_condition=rng.choice(floors),
            accepts_returned_item=rng.random() < 0.9,
            priority=rng.randrange(3),
        )
        return demand_record(wanted, held_count=rng.randrange(2))

    def _item(self, number: int) -> PoolItem:
        rng = self.rng
        item = return_item(
            f"r{number:02d}",
            rng.choice(GRID_M),
            rng.choice(GRID_M),
            sku=rng.choice(["shirt", "coat", "hat"]),
            condition=rng.choice([Condition.GOOD, Condition.NEW]),
            weight_grams=rng.choice([300, 500, 700, 1_000]),
        )
        ids = (each.demand.demand_id for each in self.records)
        released = tuple(each for each in ids if rng.random() < 0.08)
        return PoolItem(item, self.policy.categories[0], released)

    def _warehouse(self, number: int) -> Warehouse:
        rng = self.rng
        return warehouse(
            f"w{number}",
            rng.choice(GRID_M),
            rng.choice(GRID_M),
            categories=rng.choice([(), ("apparel",), ("shoes",)]),
            inbound_base_micros=rng.randrange(3) * 1_000_000,
            processing_micros=0,
            outbound_base_micros=rng.randrange(3) * 1_000_000,
        )

    def market(self, order: random.Random) -> Market:
        records, warehouses = list(self.records), list(self.warehouses)
        order.shuffle(records)
        order.shuffle(warehouses)
        return _market(
            self.items,
            records,
            self.policy,
            warehouses,
            self.areas,
            self.remaining,
        )

    def rows(self) -> list[NaiveRow]:
        naive = NaiveMarket(
            self.records,
            self.warehouses,
            {
                WarehouseId(each.warehouse_id): left
                for each, left in zip(self.warehouses, self.remaining, strict=True)
            },
            ServiceAreas.of(self.areas),
            self.policy,
            NOW_US,
        )
        return [naive.row(entry) for entry in self.items]


def _check_row(market: Market, row: int, expected: NaiveRow) -> None:
    counts = {each: int(market.verdict_count[row, each]) for each in Verdict}
    assert counts == expected.verdicts
    assert market.key_count[row] == expected.key_count
    assert market.nearest_m[row] == expected.nearest_m
    if expected.best_micros is not None:
        assert market.best_micros[row] == expected.best_micros
    start, stop = market.graph.row_offsets[row : row + 2]
    columns = market.graph.columns[start:stop].tolist()
    assert columns == sorted(columns)
    found = {
        market.demands[column].demand.demand_id: (
            int(market.distance_m[edge]),
            int(market.label_micros[edge]),
            int(market.fallback_micros[edge]),
            int(market.graph.saving[edge]),
        )
        for edge, column in zip(range(start, stop), columns, strict=True)
    }
    assert found == expected.candidates


@pytest.mark.parametrize("rows_at_once", [8192, 3])
def test_agrees_with_loops(rows_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 markets: every verdict, price and candidate is a loop's; parts or whole."""
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", rows_at_once)
    met = dict.fromkeys(Verdict, 0)
    for seed in range(60):
        draw = _Draw(seed)
        market = draw.market(random.Random(seed))
        rows = draw.rows()
        for row, expected in enumerate(rows):
            _check_row(market, row, expected)
            for verdict, count in expected.verdicts.items():
                met[verdict] += count
        wanted = sorted({name for each in rows for name in each.candidates})
        assert [each.demand.demand_id for each in market.demands] == wanted
    assert min(met.values()) >= 20, met


def test_history_leaves_no_trace() -> None:
    """The same demands in 5 orders give equal arrays, bit for bit (I5)."""
    draw = _Draw(30)
    first = draw.market(random.Random(0))
    assert len(first.graph.columns) > 20
    for seed in range(1, 6):
        again = draw.market(random.Random(seed))
        for name in ("row_offsets", "columns", "saving", "capacity"):
            mine, other = getattr(first.graph, name), getattr(again.graph, name)
            assert mine.tobytes() == other.tobytes()
        assert again.distance_m.tobytes() == first.distance_m.tobytes()
        assert again.verdict_count.tobytes() == first.verdict_count.tobytes()
        assert again.demands == first.demands
