"""The stored network and what each warehouse took on the UTC day."""

from __future__ import annotations

import pytest

from matcher.domain.decision import WarehouseRoute
from matcher.domain.errors import InvalidValueError, NotFoundError
from matcher.domain.ids import ServiceAreaId, WarehouseId
from matcher.domain.warehouse import ServiceArea
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger
from matcher.engine.network_book import DAY_US, NetworkBook
from matcher.engine.records import WarehouseDay
from tests.scenarios import NOW_US, MemoryStore, service_area, warehouse

W1 = WarehouseId("w1")
MIDNIGHT_US = (NOW_US // DAY_US + 1) * DAY_US


def _book(*capacities: int) -> NetworkBook:
    book = NetworkBook(Ledger(MemoryStore(), LiveRows()), LiveRows())
    for number, capacity in enumerate(capacities, 1):
        book.upsert_warehouse(warehouse(f"w{number}", daily_capacity=capacity))
    return book


def _routes(*names: str) -> list[WarehouseRoute]:
    return [WarehouseRoute(WarehouseId(name), 0, 0) for name in names]


def test_routes_count_against_their_day() -> None:
    """Three to w1 and one to w2 of five each leave two and four (I3)."""
    book = _book(5, 5)
    book.take(_routes("w1", "w2", "w1"), NOW_US)
    book.take(_routes("w1"), NOW_US)
    assert book.remaining(NOW_US).tolist() == [2, 4]


def test_the_day_changes_at_midnight_utc() -> None:
    """The last microsecond of a day counts to it, the next one to the new day."""
    book = _book(5)
    book.take(_routes("w1"), MIDNIGHT_US - 1)
    assert book.remaining(MIDNIGHT_US - 1).tolist() == [4]
    assert book.remaining(MIDNIGHT_US).tolist() == [5]
    book.take(_routes("w1", "w1"), MIDNIGHT_US)
    assert book.remaining(MIDNIGHT_US).tolist() == [3]
    assert book.remaining(MIDNIGHT_US - 1).tolist() == [4]


def test_more_than_fits_is_a_negative_rest() -> None:
    """Flagged routes count too: two of one is -1 left."""
    book = _book(1)
    book.take(_routes("w1", "w1"), NOW_US)
    assert book.remaining(NOW_US).tolist() == [-1]


def test_the_standard_route_counts_nowhere() -> None:
    """It has no warehouse: no row is written."""
    ledger = Ledger(MemoryStore(), LiveRows())
    NetworkBook(ledger, LiveRows()).take(_routes("", ""), NOW_US)
    assert not ledger.take_changes()


def test_days_long_past_are_forgotten() -> None:
    """Memory holds today and yesterday after a year of days."""
    book = _book(5)
    for day in range(365):
        book.take(_routes("w1"), NOW_US + day * DAY_US)
    assert len(book._days) == 2


def test_a_changed_warehouse_keeps_what_it_took() -> None:
    """Capacity 5 with three routed, changed to 2: one over."""
    book = _book(5)
    book.take(_routes("w1", "w1", "w1"), NOW_US)
    book.upsert_warehouse(warehouse(daily_capacity=2))
    assert book.remaining(NOW_US).tolist() == [-1]


def test_deleted_is_gone_and_unknown_is_an_error() -> None:
    """Deleting twice: the second time there is nothing; the row goes as ``None``."""
    ledger = Ledger(MemoryStore(), LiveRows())
    book = NetworkBook(ledger, LiveRows())
    book.upsert_warehouse(warehouse())
    book.upsert_area(service_area())
    book.delete_warehouse(W1)
    book.delete_area(ServiceAreaId("a1"))
    changes = ledger.take_changes()
    assert changes.warehouses == {"w1": None}
    assert changes.service_areas == {"a1": None}
    assert len(book.network) == 0
    assert book.network.areas.everywhere
    with pytest.raises(NotFoundError):
        book.delete_warehouse(W1)
    with pytest.raises(NotFoundError):
        book.delete_area(ServiceAreaId("a1"))
    assert not ledger.take_changes()


def test_a_bad_area_leaves_the_good_ones() -> None:
    """GeoJSON of a point is refused; the stored area serves on."""
    ledger = Ledger(MemoryStore(), LiveRows())
    book = NetworkBook(ledger, LiveRows())
    book.upsert_area(service_area())
    ledger.take_changes()
    areas = book.network.areas
    point = '{"type": "Point", "coordinates": [0, 0]}'
    for area_id in ("a1", "a2"):
        with pytest.raises(InvalidValueError):
            book.upsert_area(ServiceArea(ServiceAreaId(area_id), point))
    assert book.network.areas is areas
    assert not ledger.take_changes()


def test_prices_change_without_new_areas() -> None:
    """A warehouse's change keeps the prepared areas, so gate reports stay true."""
    book = _book(5)
    book.upsert_area(service_area())
    areas = book.network.areas
    book.upsert_warehouse(warehouse("w2"))
    book.delete_warehouse(W1)
    assert book.network.areas is areas


def test_a_restart_goes_on_counting() -> None:
    """Warehouses, areas and the counts of the day come from the rows (I12)."""
    day = NOW_US // DAY_US
    rows = LiveRows(
        warehouses=(warehouse(daily_capacity=5),),
        service_areas=(service_area(),),
        warehouse_days=(WarehouseDay(W1, day, 3), WarehouseDay(W1, day - 1, 5)),
    )
    book = NetworkBook(Ledger(MemoryStore(), rows), rows)
    assert book.remaining(NOW_US).tolist() == [2]
    assert not book.network.areas.everywhere
