"""The journal of a tenant and its checkpoints, on every store."""

from __future__ import annotations

from dataclasses import replace

from matcher.domain.ids import DemandId
from matcher.engine.archive import LiveRows
from matcher.engine.commands import CancelDemand, SubmitReturns, Tick, UpsertDemands
from matcher.engine.journal import (
    Checkpoint,
    Entry,
    Known,
    RoundBegan,
    RoundFinished,
)
from server.storage.store import Store
from tests.contract.store.conftest import Opener
from tests.contract.store.rows import (
    BRAND,
    OTHER,
    changes_of,
    decision_row,
    demand_row,
    return_row,
)
from tests.scenarios import NOW_US, demand, return_item

DAY_US = 24 * 3_600_000_000

ENTRIES = (
    Entry(
        NOW_US, UpsertDemands((demand("d1"), demand("ä", sku='a"b\\u2028')), ("", ""))
    ),
    Entry(
        NOW_US + 1,
        SubmitReturns((return_item(),), ("hash",)),
        Known((demand_row(),), (return_row(),), (decision_row(7),)),
    ),
    Entry(NOW_US + 2, RoundBegan()),
    Entry(NOW_US + 3, RoundFinished(bytes(range(256))), is_planning_down=True),
    Entry(NOW_US + 4, Tick()),
    Entry(NOW_US + 5, CancelDemand(DemandId("d1"))),
)


def _write(store: Store, entries: tuple[Entry, ...] = ENTRIES) -> None:
    for entry in entries:
        store.commit([(BRAND, changes_of(entry))])


def test_entries_come_back_in_their_order(store: Store) -> None:
    """Whatever the commits, all of it reads back as it was, and only one's own."""
    store.commit([(BRAND, changes_of(*ENTRIES[:4])), (OTHER, changes_of(ENTRIES[4]))])
    _write(store, ENTRIES[4:])
    history = store.history(BRAND)
    assert tuple(history.entries(0, NOW_US + DAY_US)) == ENTRIES
    assert tuple(store.history(OTHER).entries(0, NOW_US + DAY_US)) == ENTRIES[4:5]


def test_entries_from_and_until(store: Store) -> None:
    """From a number on, and only what happened before an instant."""
    _write(store)
    history = store.history(BRAND)
    assert tuple(history.entries(2, NOW_US + 5)) == ENTRIES[2:5]
    assert tuple(history.entries(6, NOW_US + DAY_US)) == ()
    assert tuple(history.entries(0, NOW_US)) == ()


def test_entries_that_come_later_are_left(store: Store) -> None:
    """Whoever reads other rows first is told of nothing that they do not know."""
    history = store.history(BRAND)
    assert history.entry_count() == 0
    assert tuple(history.entries(0, NOW_US + DAY_US, 0)) == ()
    _write(store, ENTRIES[:3])
    count = history.entry_count()
    assert count == 3
    _write(store, ENTRIES[3:])
    assert tuple(history.entries(0, NOW_US + DAY_US, count)) == ENTRIES[:3]
    assert tuple(history.entries(1, NOW_US + DAY_US, count)) == ENTRIES[1:3]
    assert tuple(history.entries(0, NOW_US + DAY_US)) == ENTRIES


def test_a_checkpoint_holds_what_lives(opener: Opener) -> None:
    """Rows, decisions of live items and the place in the journal, after a restart."""
    store = opener()
    decision = decision_row(3)
    live = return_row(decision_id=decision.decision_id)
    _write(store)
    store.commit([(BRAND, changes_of(live, demand_row(), decision))])
    made = store.history(BRAND).checkpoint(NOW_US)
    assert made == Checkpoint(NOW_US, 6, store.load(BRAND), (decision,))
    store.history(BRAND).keep(made)
    store.history(BRAND).keep(replace(made, at_us=NOW_US + 1))
    store.close()
    again = opener()
    assert again.history(BRAND).start(NOW_US) == made
    assert again.history(BRAND).checkpoints() == [(6, NOW_US)]
    assert again.history(OTHER).checkpoints() == []
    again.close()


def test_a_replay_starts_at_the_last_checkpoint_before(store: Store) -> None:
    """The beginning counts as one, if the journal still has it."""
    history = store.history(BRAND)
    nothing = Checkpoint(NOW_US, 0, LiveRows())
    assert history.start(NOW_US) == nothing
    for at in (2, 4):
        _write(store, ENTRIES[at - 2 : at])
        history.keep(history.checkpoint(NOW_US + at))
    _write(store, ENTRIES[4:])
    assert history.start(NOW_US) == nothing
    assert history.start(NOW_US + 3).entry_count == 2
    assert history.start(NOW_US + 4).entry_count == 4
    assert history.forget(NOW_US + 1) == 0
    assert history.forget(NOW_US + 4) == 4
    assert history.start(NOW_US).entry_count == 4
    assert tuple(history.entries(4, NOW_US + DAY_US)) == ENTRIES[4:]
    assert history.forget(NOW_US + DAY_US) == 0


def test_a_store_without_a_journal_begins_with_a_checkpoint(store: Store) -> None:
    """Rows from before there was a journal are where it starts; later ones are not."""
    store.commit([(BRAND, changes_of(demand_row()))])
    history = store.history(BRAND)
    history.begin(NOW_US)
    history.begin(NOW_US + 1)
    assert history.checkpoints() == [(0, NOW_US)]
    _write(store)
    assert history.start(0).rows.demands == (demand_row(),)
    store.commit([(OTHER, changes_of(ENTRIES[0], demand_row()))])
    store.history(OTHER).begin(NOW_US)
    assert store.history(OTHER).checkpoints() == []


def test_numbers_go_on_after_all_is_forgotten(store: Store) -> None:
    """A journal that was cleared to its end goes on behind its checkpoint."""
    _write(store)
    history = store.history(BRAND)
    history.keep(history.checkpoint(NOW_US + 10))
    assert history.forget(NOW_US + 10) == 6
    _write(store, ENTRIES[:1])
    assert history.start(0).entry_count == 6
    assert tuple(history.entries(6, NOW_US + DAY_US)) == ENTRIES[:1]


def test_where_a_replay_may_start_last_first(store: Store) -> None:
    """Checkpoints at or before an instant, then the beginning while it is there."""
    history = store.history(BRAND)
    assert history.kept_from_us() is None
    for at in (2, 4):
        _write(store, ENTRIES[at - 2 : at])
        history.keep(history.checkpoint(NOW_US + at))
    counts = [start.entry_count for start in history.starts(NOW_US + 3)]
    assert counts == [2, 0]
    assert [start.entry_count for start in history.starts(NOW_US + 9)] == [4, 2, 0]
    assert list(history.starts(NOW_US)) == [Checkpoint(NOW_US, 0, LiveRows())]
    assert history.kept_from_us() == NOW_US
    history.forget(NOW_US + 3)
    assert [start.entry_count for start in history.starts(NOW_US + 9)] == [4, 2]
    assert list(history.starts(NOW_US)) == []
    assert history.kept_from_us() == NOW_US + 2
    assert store.history(OTHER).kept_from_us() is None


def test_a_store_without_a_journal_is_kept_from_its_checkpoint(store: Store) -> None:
    """What was before it cannot be lived again."""
    store.commit([(BRAND, changes_of(demand_row()))])
    history = store.history(BRAND)
    history.begin(NOW_US + 7)
    _write(store, ENTRIES[:1])
    assert history.kept_from_us() == NOW_US + 7
    assert [start.entry_count for start in history.starts(NOW_US + 8)] == [0]
    assert list(history.starts(NOW_US + 6)) == []


def test_when_a_checkpoint_is_due(store: Store) -> None:
    """None yet, an old one, or as much journal since as it is long itself."""
    history = store.history(BRAND)
    assert history.is_due(NOW_US - DAY_US, 1)
    history.keep(history.checkpoint(NOW_US))
    assert history.is_due(NOW_US, 1_000)
    assert not history.is_due(NOW_US - 1, 1)
    written = 0
    while not history.is_due(NOW_US - 1, 1):
        _write(store)
        written += len(ENTRIES)
        assert written < 1_000
    # An empty checkpoint is longer than one commit of one entry, not than many.
    assert written > 0
    assert history.is_due(NOW_US - 1, written)
    assert not history.is_due(NOW_US - 1, written + 1)
    history.keep(history.checkpoint(NOW_US))
    assert not history.is_due(NOW_US - 1, 1)
    assert store.history(OTHER).is_due(NOW_US - 1, 1)
