"""Holds on demand units and how they end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matcher.domain.errors import (
    NotFoundError,
    StateConflictError,
    VersionMismatchError,
)
from matcher.domain.ids import DemandId, MatchId, ReturnId, RoundId
from matcher.domain.match import HoldState, Match
from matcher.engine.commands import UpsertDemands
from matcher.engine.demand_book import DemandBook
from matcher.engine.ledger import Ledger
from matcher.engine.limit_book import LimitBook
from matcher.engine.limits import ShardLimits
from matcher.engine.match_book import MatchBook
from matcher.engine.network import Network
from matcher.engine.open_demands import OpenDemands
from matcher.engine.records import DemandRecord
from matcher.engine.sku_book import SkuBook
from matcher.geo import ServiceAreas
from tests.scenarios import NOW_US, MemoryStore, demand

M1 = MatchId("m-1")


def _match(number: int = 1, expire_us: int = NOW_US + 10) -> Match:
    return Match(
        match_id=MatchId(f"m-{number}"),
        return_id=ReturnId(f"r{number}"),
        demand_id=DemandId("d1"),
        distance_m=0,
        match_cost_micros=0,
        fallback_cost_micros=1,
        saving_micros=1,
        hold_state=HoldState.ACTIVE,
        hold_expire_us=expire_us,
        round_id=RoundId("r-1"),
        policy_version=1,
    )


class _Books:
    """A demand of five units, and matches on it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.start()
        self.demands.upsert(UpsertDemands((demand(quantity=5),), ("",)), NOW_US)

    def start(self) -> None:
        rows = self.store.load()
        self.ledger = Ledger(self.store, rows)
        self.demands = DemandBook(
            self.ledger,
            OpenDemands(Network((), ServiceAreas(()))),
            SkuBook(self.ledger, rows),
            ShardLimits(),
        )
        self.demands.load(rows)
        self.matches = MatchBook(
            self.ledger, self.demands, LimitBook(self.ledger, rows), rows.matches
        )

    def commit(self) -> None:
        self.store.commit(self.ledger.take_changes())
        self.demands.committed()
        self.matches.committed()

    @property
    def units(self) -> tuple[int, int, int]:
        record: DemandRecord | None = self.demands.live(DemandId("d1"))
        assert record is not None
        return record.open_count, record.held_count, record.fulfilled_count


@pytest.fixture(name="books")
def _books() -> _Books:
    return _Books()


def test_each_match_holds_one_unit(books: _Books) -> None:
    """Two matches on one demand of five: two held, three open (I2)."""
    books.matches.make([_match(1), _match(2)], NOW_US)
    assert books.units == (3, 2, 0)
    assert len(books.matches) == 2
    assert list(books.ledger.changes.matches) == ["m-1", "m-2"]


def test_confirmed_is_fulfilled(books: _Books) -> None:
    """The unit is the return's for good; confirming again is the same answer."""
    books.matches.make([_match()], NOW_US)
    match = books.matches.confirm(M1, "1", NOW_US)
    assert match == replace(
        _match(), hold_state=HoldState.CONFIRMED, version=2, ended_us=NOW_US
    )
    assert books.units == (4, 0, 1)
    assert books.matches.confirm(M1, "", NOW_US) == match
    assert books.units == (4, 0, 1)


def test_released_is_open_again(books: _Books) -> None:
    """The unit is free; releasing again is the same answer."""
    books.matches.make([_match()], NOW_US)
    match = books.matches.release(M1, "1", NOW_US)
    assert match == replace(
        _match(), hold_state=HoldState.RELEASED, version=2, ended_us=NOW_US
    )
    assert books.units == (5, 0, 0)
    assert books.matches.release(M1, "", NOW_US) == match
    assert books.units == (5, 0, 0)


def test_expires_at_the_very_instant(books: _Books) -> None:
    """Held at +9, gone at +10; the earliest comes first, equal ones by id."""
    books.matches.make(
        [_match(3), _match(1), _match(2, NOW_US + 5), _match(4, NOW_US + 99)], NOW_US
    )
    assert books.matches.next_us() == NOW_US + 5
    assert books.matches.expire(NOW_US + 4) == []
    expired = books.matches.expire(NOW_US + 10)
    assert [each.match_id for each in expired] == ["m-2", "m-1", "m-3"]
    assert {each.hold_state for each in expired} == {HoldState.EXPIRED}
    assert books.units == (4, 1, 0)
    assert books.matches.next_us() == NOW_US + 99


@pytest.mark.parametrize("end", ["confirm", "release", "expire"])
def test_an_ended_hold_moves_no_more(books: _Books, end: str) -> None:
    """Confirmed, released and expired are final, before the commit and after it."""
    books.matches.make([_match()], NOW_US)
    if end == "expire":
        books.matches.expire(NOW_US + 10)
    else:
        getattr(books.matches, end)(M1, "", NOW_US)
    for _ in range(2):
        for move in ("confirm", "release"):
            if move != end:
                with pytest.raises(StateConflictError):
                    getattr(books.matches, move)(M1, "", NOW_US)
        books.commit()
        assert books.matches.next_us() is None


def test_a_stale_etag_moves_nothing(books: _Books) -> None:
    """The version is 1: "2" is refused for both moves and the hold stays."""
    books.matches.make([_match()], NOW_US)
    for move in (books.matches.confirm, books.matches.release):
        with pytest.raises(VersionMismatchError):
            move(M1, "2", NOW_US)
    assert books.units == (4, 1, 0)


def test_an_unknown_match_is_not_found(books: _Books) -> None:
    """Neither move knows it, and neither leaves a trace."""
    books.ledger.take_changes()
    for move in (books.matches.confirm, books.matches.release):
        with pytest.raises(NotFoundError):
            move(MatchId("m-9"), "", NOW_US)
    assert not books.ledger.take_changes()


def test_a_restart_knows_the_active_holds(books: _Books) -> None:
    """The active one can be confirmed, the released one is known as such (I12)."""
    books.matches.make([_match(1), _match(2)], NOW_US)
    books.matches.release(MatchId("m-2"), "", NOW_US)
    books.commit()
    books.start()
    assert len(books.matches) == 1
    assert books.matches.next_us() == NOW_US + 10
    assert books.matches.find(MatchId("m-2")).hold_state is HoldState.RELEASED
    books.matches.confirm(M1, "1", NOW_US)
    assert books.units == (4, 0, 1)
