"""Demands and the moves of their units."""

from __future__ import annotations

import pytest

from matcher.domain.demand import Demand, DemandState
from matcher.domain.demand_floor import DemandFloor
from matcher.domain.errors import (
    InvalidValueError,
    LimitExceededError,
    NotFoundError,
    StateConflictError,
    VersionMismatchError,
)
from matcher.domain.ids import DemandId
from matcher.engine import demand_book
from matcher.engine.archive import LiveRows
from matcher.engine.commands import UpsertDemands
from matcher.engine.demand_book import DemandBook
from matcher.engine.ledger import Ledger
from matcher.engine.limits import ShardLimits
from matcher.engine.network import Network
from matcher.engine.open_demands import OpenDemands
from matcher.engine.records import DemandRecord
from matcher.engine.sku_book import SkuBook
from matcher.geo import ServiceAreas
from tests.scenarios import DAY_US, NOW_US, MemoryStore, demand

D1 = DemandId("d1")


@pytest.fixture(
    autouse=True, params=["each by itself", "together", "together, looked up before"]
)
def _entering(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # New demands enter in each way here, however few they are.
    count = 1_000 if request.param == "each by itself" else 1
    monkeypatch.setattr(demand_book, "_LOAD_COUNT", count)
    monkeypatch.setattr(_Book, "looks_up", request.param.endswith("before"))


class _Book:
    """A book over a store, committed only when the test says so."""

    looks_up = False

    def __init__(self, limit: int = 10) -> None:
        self.store = MemoryStore()
        self.limits = ShardLimits(demand_count_max=limit)
        self.start()

    def start(self) -> None:
        rows: LiveRows = self.store.load()
        self.ledger = Ledger(self.store, rows)
        self.open = OpenDemands(Network((), ServiceAreas(())))
        self.skus = SkuBook(self.ledger, rows)
        self.book = DemandBook(self.ledger, self.open, self.skus, self.limits)
        self.book.load(rows)

    def upsert(self, *demands: Demand, etag: str = "") -> tuple[DemandRecord, ...]:
        if self.looks_up:
            self.book.expect(each.demand_id for each in demands)
        return self.book.upsert(UpsertDemands(demands, (etag,) * len(demands)), NOW_US)

    def indexed_count(self) -> int:
        self.book.index()
        return len(self.open)

    def commit(self) -> None:
        self.store.commit(self.ledger.take_changes())
        self.book.committed()


@pytest.fixture(name="book")
def _book() -> _Book:
    return _Book()


def test_a_new_demand_is_open(book: _Book) -> None:
    """Version 1, all units open, in the index and in the changes."""
    (record,) = book.upsert(demand(quantity=3))
    assert (record.state, record.version, record.open_count) == (DemandState.OPEN, 1, 3)
    assert book.ledger.take_changes().demands == {D1: record}
    assert book.indexed_count() == len(book.book) == 1


def test_the_same_again_changes_nothing(book: _Book) -> None:
    """Client ids make writes repeatable: no row, no version, the first answer."""
    first = book.upsert(demand())
    book.ledger.take_changes()
    assert book.upsert(demand()) == first
    assert not book.ledger.take_changes()


def test_a_change_raises_the_version(book: _Book) -> None:
    """The etag is the version: 1 is accepted once, then 2 is current."""
    book.upsert(demand())
    (record,) = book.upsert(demand(priority=1), etag="1")
    assert record.version == 2
    with pytest.raises(VersionMismatchError) as caught:
        book.upsert(demand(priority=2), etag="1")
    assert (caught.value.current_etag, caught.value.received_etag) == ("2", "1")


def test_an_etag_of_what_does_not_exist_is_stale(book: _Book) -> None:
    """Changing what was never stored is no creation."""
    with pytest.raises(VersionMismatchError):
        book.upsert(demand(), etag="1")
    assert len(book.book) == 0


def test_answers_stand_in_the_order_of_the_command(book: _Book) -> None:
    """New, unchanged and changed ones mixed."""
    book.upsert(demand("d2"), demand("d1"))
    answers = book.upsert(demand("d3"), demand("d2"), demand("d1", priority=9))
    assert [(r.demand.demand_id, r.version) for r in answers] == [
        ("d3", 1),
        ("d2", 1),
        ("d1", 2),
    ]


def test_new_ones_together_are_kept_as_one_by_one(book: _Book) -> None:
    """
    All new, they enter at once; beside one that is known each by itself (R30, R39).

    The same records, changes, counts of SKUs, ends and index, whatever each of them is:
    a consenting buyer or not, one unit or several, one SKU or another.
    """
    one_by_one = _Book()
    one_by_one.upsert(demand("known", sku="hat"))
    one_by_one.commit()
    new = (
        demand("d2", quantity=3),
        demand("d1", sku="coat", ship_by_us=NOW_US + 1),
        demand("d3", accepts_returned_item=False),
        demand("d4", sku="coat", quantity=2, ship_by_us=NOW_US + 5),
    )
    known = demand("known", sku="hat")
    assert book.upsert(*new) == one_by_one.upsert(known, *new)[1:]
    assert book.ledger.take_changes() == one_by_one.ledger.take_changes()
    for sku in ("shirt", "coat"):
        seen = [
            each.skus.seen(sku, DemandFloor(DAY_US), NOW_US)
            for each in (book, one_by_one)
        ]
        assert seen[0] == seen[1]
        assert seen[0].open_unit_count == 3
    assert book.indexed_count() == one_by_one.indexed_count() - 1 == 3
    for each in (book, one_by_one):
        assert each.book.next_us() == NOW_US + 1
        assert each.book.expire(NOW_US + 5) == 2
    assert book.indexed_count() == one_by_one.indexed_count() - 1 == 1


def test_what_entered_together_may_change_before_it_is_indexed(book: _Book) -> None:
    """
    Changed, cancelled, expired or left alone before any round: the last state (I12).

    Twice, so that there are two loads; a demand that has gone is not in the index.
    """
    for part in ("a", "b"):
        book.upsert(
            demand(f"{part}1"),
            demand(f"{part}2"),
            demand(f"{part}3", ship_by_us=NOW_US + 1),
            demand(f"{part}4"),
        )
        book.upsert(demand(f"{part}2", quantity=5))
        book.book.cancel(DemandId(f"{part}1"), "", NOW_US)
    assert book.book.expire(NOW_US + 1) == 2
    assert book.indexed_count() == 4
    counts = {
        key: book.open.open_count[book.open.row(DemandId(key))]
        for key in ("a2", "a4", "b2", "b4")
    }
    assert counts == {"a2": 5, "a4": 1, "b2": 5, "b4": 1}


def test_what_was_looked_up_counts_until_it_is_stored(book: _Book) -> None:
    """Two commands of a group look up one id: the second finds the first (I2)."""
    book.book.expect([D1])
    looked_up, _Book.looks_up = _Book.looks_up, False
    (first,) = book.upsert(demand())
    (second,) = book.upsert(demand(priority=2))
    _Book.looks_up = looked_up
    assert (first.version, second.version) == (1, 2)


BAD = {
    "one id twice, all new": ((demand("d2"), demand("d2")), InvalidValueError),
    "shipping now, all new": (
        (demand("d2"), demand("d3", ship_by_us=NOW_US)),
        InvalidValueError,
    ),
    "one id twice": ((demand("d1"), demand("d3"), demand("d3")), InvalidValueError),
    "shipping now": (
        (demand("d1"), demand("d3", ship_by_us=NOW_US)),
        InvalidValueError,
    ),
    "an ended one": ((demand("d2"), demand("ended", priority=3)), StateConflictError),
    "one too many": (tuple(demand(f"n{n}") for n in range(10)), LimitExceededError),
}


@pytest.mark.parametrize("name", BAD)
def test_all_or_none(book: _Book, name: str) -> None:
    """One bad demand in a batch and no other is stored either."""
    book.upsert(demand("ended"), demand("d1"))
    book.book.cancel(DemandId("ended"), "", NOW_US)
    book.commit()
    demands, error = BAD[name]
    with pytest.raises(error):
        book.upsert(*demands)
    assert not book.ledger.take_changes()
    assert len(book.book) == book.indexed_count() == 1


def test_errors_name_the_place() -> None:
    """The path counts from 0: the third demand of the batch is demands[2]."""
    book = _Book()
    with pytest.raises(InvalidValueError) as caught:
        book.upsert(demand("a"), demand("b"), demand("a"))
    assert caught.value.violations[0].field == "demands[2].demand_id"
    with pytest.raises(InvalidValueError) as late:
        book.upsert(demand("a"), demand("b", ship_by_us=NOW_US))
    assert late.value.violations[0].field == "demands[1].ship_by_time"


def test_the_limit_itself_fits() -> None:
    """Ten of ten; changing one of them is no eleventh; the eleventh is refused."""
    book = _Book(limit=10)
    book.upsert(*(demand(f"d{n}") for n in range(10)))
    book.upsert(demand("d3", priority=5))
    with pytest.raises(LimitExceededError) as caught:
        book.upsert(demand("d10"))
    assert (caught.value.value, caught.value.maximum) == (11, 10)
    book.book.cancel(DemandId("d3"), "", NOW_US)
    book.upsert(demand("d10"))


def test_units_are_held_released_and_fulfilled(book: _Book) -> None:
    """Two units: OPEN, HELD once both are promised, OPEN again, FULFILLED at last."""
    book.upsert(demand(quantity=2))
    states = []
    book.book.hold([D1], NOW_US)
    states.append(book.ledger.changes.demands[D1].state)
    book.book.hold([D1], NOW_US)
    states.append(book.ledger.changes.demands[D1].state)
    assert book.indexed_count() == 0
    book.book.release(D1, NOW_US)
    states.append(book.ledger.changes.demands[D1].state)
    assert book.indexed_count() == 1
    book.book.fulfil(D1, NOW_US)
    states.append(book.ledger.changes.demands[D1].state)
    book.book.hold([D1], NOW_US)
    last = book.book.fulfil(D1, NOW_US)
    states.append(last.state)
    assert states == [
        DemandState.OPEN,
        DemandState.HELD,
        DemandState.OPEN,
        DemandState.OPEN,
        DemandState.FULFILLED,
    ]
    assert (last.held_count, last.fulfilled_count, last.open_count) == (0, 2, 0)
    assert book.book.live(D1) is None
    assert book.indexed_count() == 0


def test_several_units_in_one_round(book: _Book) -> None:
    """The same demand named three times holds three units, in one row."""
    book.upsert(demand(quantity=5), demand("d2"))
    book.book.hold([D1, DemandId("d2"), D1, D1], NOW_US)
    record = book.book.live(D1)
    assert record is not None
    assert (record.held_count, record.open_count) == (3, 2)


def test_what_is_not_open_cannot_be_held(book: _Book) -> None:
    """One unit promised twice would be a bug of ours and is asserted (I2)."""
    book.upsert(demand())
    with pytest.raises(AssertionError, match="no open unit"):
        book.book.hold([D1, D1], NOW_US)
    with pytest.raises(AssertionError, match="holds none"):
        book.book.release(D1, NOW_US)
    with pytest.raises(AssertionError, match="holds none"):
        book.book.fulfil(D1, NOW_US)


def test_cancelled_with_a_unit_held_keeps_the_promise(book: _Book) -> None:
    """Nothing opens any more, but the held unit may still be fulfilled (R30, I11)."""
    book.upsert(demand(quantity=3))
    book.book.hold([D1], NOW_US)
    record = book.book.cancel(D1, "", NOW_US)
    assert (record.state, record.open_count) == (DemandState.CANCELLED, 0)
    assert book.book.live(D1) == record
    done = book.book.fulfil(D1, NOW_US)
    assert (done.state, done.fulfilled_count) == (DemandState.CANCELLED, 1)
    assert book.book.live(D1) is None


def test_a_released_unit_of_a_cancelled_demand_stays_closed(book: _Book) -> None:
    """Released after the cancellation: it is not open again."""
    book.upsert(demand())
    book.book.hold([D1], NOW_US)
    book.book.cancel(D1, "", NOW_US)
    record = book.book.release(D1, NOW_US)
    assert (record.state, record.open_count) == (DemandState.CANCELLED, 0)
    assert book.indexed_count() == 0


def test_cancelling_again_is_the_first_answer(book: _Book) -> None:
    """Before the commit from memory, after it from the archive."""
    book.upsert(demand())
    first = book.book.cancel(D1, "", NOW_US)
    assert book.book.cancel(D1, "", NOW_US) == first
    book.commit()
    assert book.book.cancel(D1, "", NOW_US) == first
    assert not book.ledger.take_changes()
    assert not book.book._closed


def test_what_is_unknown_or_ended_cannot_be_cancelled(book: _Book) -> None:
    """Unknown: NOT_FOUND; fulfilled or expired: the state says no."""
    with pytest.raises(NotFoundError):
        book.book.cancel(DemandId("nobody"), "", NOW_US)
    book.upsert(demand("d1"), demand("d2"))
    book.book.hold([D1], NOW_US)
    book.book.fulfil(D1, NOW_US)
    book.book.expire(NOW_US + 2 * DAY_US)
    for name, state in (("d1", "FULFILLED"), ("d2", "EXPIRED")):
        with pytest.raises(StateConflictError) as caught:
            book.book.cancel(DemandId(name), "", NOW_US)
        assert caught.value.state == state


def test_expires_at_the_very_instant(book: _Book) -> None:
    """A microsecond earlier it is open; from ship-by on ordinary fulfilment ships."""
    book.upsert(demand(ship_by_us=NOW_US + 10))
    assert book.book.next_us() == NOW_US + 10
    assert book.book.expire(NOW_US + 9) == 0
    assert book.book.expire(NOW_US + 10) == 1
    assert book.ledger.changes.demands[D1].state is DemandState.EXPIRED
    assert book.book.next_us() is None
    assert book.indexed_count() == 0


def test_expired_with_a_unit_held_keeps_the_promise(book: _Book) -> None:
    """The open unit is gone, the held one is not (I11)."""
    book.upsert(demand(quantity=2, ship_by_us=NOW_US + 10))
    book.book.hold([D1], NOW_US)
    assert book.book.expire(NOW_US + 10) == 1
    assert book.book.expire(NOW_US + 20) == 0
    record = book.book.fulfil(D1, NOW_US + 20)
    assert (record.state, record.fulfilled_count) == (DemandState.EXPIRED, 1)


def test_a_moved_ship_by_counts(book: _Book) -> None:
    """Later: it lives on. Earlier: it ends earlier."""
    book.upsert(demand(ship_by_us=NOW_US + 10))
    book.upsert(demand(ship_by_us=NOW_US + 30))
    assert book.book.expire(NOW_US + 29) == 0
    book.upsert(demand(ship_by_us=NOW_US + 20))
    assert book.book.expire(NOW_US + 20) == 1


def test_quantity_never_falls_below_promises(book: _Book) -> None:
    """One held and one fulfilled of three: 2 is accepted, 1 is refused (I2)."""
    book.upsert(demand(quantity=3))
    book.book.hold([D1, D1], NOW_US)
    book.book.fulfil(D1, NOW_US)
    with pytest.raises(StateConflictError, match="at least 2"):
        book.upsert(demand(quantity=1))
    (record,) = book.upsert(demand(quantity=2))
    assert record.state is DemandState.HELD
    assert book.indexed_count() == 0


def test_quantity_at_what_was_fulfilled_is_fulfilled(book: _Book) -> None:
    """Three wanted, one fulfilled, then one wanted: done."""
    book.upsert(demand(quantity=3))
    book.book.hold([D1], NOW_US)
    book.book.fulfil(D1, NOW_US)
    (record,) = book.upsert(demand(quantity=1))
    assert record.state is DemandState.FULFILLED
    assert book.book.live(D1) is None


def test_consent_withdrawn_leaves_the_index_only(book: _Book) -> None:
    """The order is still known, and matched no more."""
    book.upsert(demand())
    book.upsert(demand(accepts_returned_item=False))
    assert book.indexed_count() == 0
    assert len(book.book) == 1


def test_an_ended_demand_is_read_from_the_archive(book: _Book) -> None:
    """The same payload gives the stored answer; another one is refused."""
    book.upsert(demand())
    ended = book.book.cancel(D1, "", NOW_US)
    book.commit()
    book.start()
    assert book.upsert(demand()) == (ended,)
    with pytest.raises(StateConflictError):
        book.upsert(demand(priority=1))
    assert book.indexed_count() == 0


def test_a_restart_finds_the_same_book(book: _Book) -> None:
    """Open, held and cancelled-but-held come back; loading changes nothing (I12)."""
    book.upsert(demand("d1", quantity=2), demand("d2"), demand("d3"), demand("d4"))
    book.book.hold([D1, DemandId("d2"), DemandId("d3")], NOW_US)
    book.book.cancel(DemandId("d3"), "", NOW_US)
    book.book.cancel(DemandId("d4"), "", NOW_US)
    before = {each: book.book.live(DemandId(each)) for each in ("d1", "d2", "d3", "d4")}
    book.commit()
    book.start()
    assert {each: book.book.live(DemandId(each)) for each in before} == before
    assert before["d4"] is None
    assert book.indexed_count() == 1
    assert not book.ledger.take_changes()
    assert book.book.next_us() == demand().ship_by_us
