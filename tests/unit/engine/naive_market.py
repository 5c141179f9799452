"""A market by loops: every pair by itself, each test in words; slow and obvious."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from matcher.domain.demand import Demand
from matcher.domain.ids import WarehouseId
from matcher.domain.latlng import LatLng
from matcher.domain.policy import CostModel, MatchKey, Policy
from matcher.domain.return_item import ReturnItem
from matcher.domain.warehouse import Warehouse
from matcher.engine.market import PoolItem, Verdict
from matcher.engine.records import DemandRecord
from matcher.geo import ServiceAreas, distance_m


def metres(a: LatLng, b: LatLng) -> int:
    """Return the contract's distance of one pair."""
    return int(distance_m([a.lat], [a.lng], [b.lat], [b.lng])[0])


def trip(distance: int, base: int, per_km: int) -> int:
    """Price a trip, the part by distance rounded half up."""
    return base + (per_km * distance + 500) // 1000


def inbound(
    item: ReturnItem,
    warehouses: Iterable[Warehouse],
    remaining: Mapping[WarehouseId, int],
) -> tuple[int, str, int] | None:
    """Return cost, id and metres of the cheapest warehouse; full ones come last."""
    accepting = [
        w for w in warehouses if not w.categories or item.category in w.categories
    ]
    open_ones = [w for w in accepting if remaining[w.warehouse_id] > 0]
    choices = []
    for each in open_ones or accepting:
        far = metres(item.location, each.location)
        cost = trip(far, each.inbound_base_micros, each.inbound_per_km_micros)
        choices.append((cost + each.processing_micros, each.warehouse_id, far))
    return min(choices, default=None)


def outbound(demand: Demand, warehouses: Iterable[Warehouse], standard: int) -> int:
    """Return the cheapest shipment from stock, full or not."""
    costs = [
        trip(
            metres(each.location, demand.location),
            each.outbound_base_micros,
            each.outbound_per_km_micros,
        )
        for each in warehouses
        if not each.categories or demand.category in each.categories
    ]
    return min(costs, default=standard)


def label(model: CostModel, distance: int, grams: int) -> int | None:
    """Return the price of a label, ``None`` outside every zone."""
    if not model.zones:
        return trip(distance, model.label_base_micros, model.label_per_km_micros)
    for zone in model.zones:
        if distance <= zone.max_distance_m and grams <= zone.max_weight_grams:
            return zone.price_micros
    return None


@dataclass
class NaiveRow:
    """What one pool item finds."""

    verdicts: dict[Verdict, int] = field(
        default_factory=lambda: dict.fromkeys(Verdict, 0)
    )
    key_count: int = 0
    nearest_m: int = -1
    best_micros: int | None = None
    candidates: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class NaiveMarket:
    """All that a pair is judged by."""

    records: Sequence[DemandRecord]
    warehouses: Sequence[Warehouse]
    remaining: Mapping[WarehouseId, int]
    areas: ServiceAreas
    policy: Policy
    now_us: int

    def row(self, entry: PoolItem) -> NaiveRow:
        """Judge every demand for one item."""
        row = NaiveRow()
        by_sku = entry.rule.match_key is MatchKey.SKU
        distances = []
        for record in self.records:
            one = record.demand
            if not one.accepts_returned_item or not record.open_count:
                continue
            if by_sku and one.sku != entry.item.sku:
                continue
            if not by_sku and one.category != entry.item.category:
                continue
            row.key_count += 1
            distance = metres(entry.item.location, one.location)
            distances.append(distance)
            if distance <= entry.rule.radius_m:
                row.verdicts[self._verdict(entry, record, distance, row)] += 1
        if distances and not sum(row.verdicts.values()):
            row.nearest_m = min(distances)
        return row

    def _verdict(
        self, entry: PoolItem, record: DemandRecord, distance: int, row: NaiveRow
    ) -> Verdict:
        item, one, model = entry.item, record.demand, self.policy.cost_model
        place = ([one.location.lat], [one.location.lng])
        if self.areas.contains(*place)[0] < 0:
            return Verdict.OUTSIDE_SERVICE_AREA
        if item.condition < one.min_condition:
            return Verdict.NEEDS_BETTER_CONDITION
        if one.ship_by_us <= self.now_us + self.policy.handling_duration_us:
            return Verdict.SHIPS_TOO_SOON
        if one.demand_id in entry.released_demand_ids:
            return Verdict.RELEASED_BEFORE
        price = label(model, distance, item.weight_grams)
        if price is None:
            return Verdict.NO_LABEL_RATE
        way = inbound(item, self.warehouses, self.remaining)
        fallback = way[0] if way else model.standard_return_micros
        fallback += outbound(one, self.warehouses, model.standard_shipping_micros)
        saving = fallback + one.priority * model.priority_step_micros - price
        if saving < entry.rule.min_saving_micros:
            best = row.best_micros
            row.best_micros = saving if best is None else max(best, saving)
            return Verdict.SAVING_BELOW_THRESHOLD
        row.candidates[one.demand_id] = (distance, price, fallback, saving)
        return Verdict.CANDIDATE
