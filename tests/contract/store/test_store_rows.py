"""Rows by id and in pages, of every kind, on every store."""

from __future__ import annotations

import pytest

from matcher.domain.demand import DemandState
from matcher.domain.ids import DemandId, ReturnId, WarehouseId
from matcher.domain.policy import PolicyState
from matcher.domain.return_item import ReturnState
from matcher.engine.changes import Changes
from server.storage.store import Store
from tests.contract.store.kinds import DECISION, KINDS, LISTED, Kind, Listed
from tests.contract.store.rows import (
    BRAND,
    OTHER,
    changes_of,
    demand_row,
    match_row,
    policy_row,
    return_row,
    service_area_row,
    warehouse_row,
)

every_kind = pytest.mark.parametrize("kind", [*KINDS, DECISION], ids=str)
every_changing_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
every_listed_kind = pytest.mark.parametrize("listed", LISTED, ids=str)

# What a careless store trips over, in the order of code points, which is that of
# UTF-8 bytes and not that of UTF-16 units, of any dictionary, nor of case.
HOSTILE_IDS = (
    "!",
    '";DROP TABLE demands;--',
    "%",
    "' OR '1'='1",
    ":after",
    "?",
    "A",
    "Z",
    "\\",
    "_",
    "a",
    "a ",
    "a" * 128,
    "e\u0301",  # e and a combining accent: not the next but one
    "z",
    "\u00e9",
    "\u0130",  # İ, whose lower case is two characters
    "\u6f22\u5b57",
    "\ufdfa",  # above the surrogates, so UTF-16 sorts it behind the emoji
    "\U0001f9e5",
    "\U0001f9e5" * 128,  # the longest in bytes: 512
)


@every_kind
def test_row_comes_back_as_it_was(store: Store, kind: Kind) -> None:
    """Every field survives: int64 at both ends, floats to the bit, None, enums."""
    row = kind.row()
    store.commit([(BRAND, changes_of(row))])
    found = kind.get(store, BRAND, kind.id)
    assert found == row
    # Equality takes 1 for True and 0.0 for -0.0; the text does not.
    assert repr(found) == repr(row)


@every_kind
def test_missing_id_gives_nothing(store: Store, kind: Kind) -> None:
    """An id that was never stored is no error, in an empty store."""
    assert kind.get(store, BRAND, kind.id) is None


@every_kind
def test_no_tenant_sees_another(store: Store, kind: Kind) -> None:
    """The same id in two tenants is two rows, and one alone stays invisible (I9)."""
    row = kind.row()
    store.commit([(BRAND, changes_of(row))])
    assert kind.get(store, OTHER, kind.id) is None
    changed = kind.changed()
    store.commit([(OTHER, changes_of(changed))])
    assert kind.get(store, OTHER, kind.id) == changed
    assert kind.get(store, BRAND, kind.id) == row


@every_changing_kind
def test_later_row_replaces_earlier(store: Store, kind: Kind) -> None:
    """The last commit of an id is what is read, also when it goes back."""
    first, second = kind.row(), kind.changed()
    assert first != second
    for row in (first, second, first):
        store.commit([(BRAND, changes_of(row))])
        assert kind.get(store, BRAND, kind.id) == row


@every_changing_kind
def test_later_entry_of_one_commit_wins(store: Store, kind: Kind) -> None:
    """Two entries for one tenant in one commit act as two commits in their order."""
    entries = [(BRAND, changes_of(kind.row())), (BRAND, changes_of(kind.changed()))]
    store.commit(entries)
    assert kind.get(store, BRAND, kind.id) == kind.changed()


@every_listed_kind
def test_hostile_ids_come_back_in_order_of_code_points(
    store: Store, listed: Listed
) -> None:
    """Quotes, wildcards, accents, emoji and 128 characters are ids like others."""
    assert list(HOSTILE_IDS) == sorted(HOSTILE_IDS)
    shuffled = HOSTILE_IDS[::2] + HOSTILE_IDS[1::2]
    store.commit([(BRAND, changes_of(*(listed.row(each) for each in shuffled)))])
    found = listed.page(store, BRAND, "", 1_000)
    assert [listed.id_of(row) for row in found] == list(HOSTILE_IDS)
    for index, after_id in enumerate(HOSTILE_IDS):
        following = listed.page(store, BRAND, after_id, 1)
        ids = tuple(listed.id_of(row) for row in following)
        assert ids == HOSTILE_IDS[index + 1 : index + 2]


@every_listed_kind
def test_pages_join_without_gap_or_repeat(store: Store, listed: Listed) -> None:
    """Seven rows in pages of 0, 1, 3, 7 and 8: each is seen once, in order."""
    ids = [f"{number}" for number in range(1, 8)]
    store.commit([(BRAND, changes_of(*(listed.row(each) for each in ids)))])
    store.commit([(OTHER, changes_of(listed.row("4a")))])
    assert listed.page(store, BRAND, "", 0) == []
    for limit in (1, 3, 7, 8):
        seen: list[str] = []
        while page := listed.page(store, BRAND, seen[-1] if seen else "", limit):
            assert len(page) <= limit
            seen += [listed.id_of(row) for row in page]
        assert seen == ids
    assert [listed.id_of(row) for row in listed.page(store, BRAND, "3x", 2)] == [
        "4",
        "5",
    ]


def test_demands_are_listed_by_state(store: Store) -> None:
    """Of ten demands in five states, a state's page holds its two, by id."""
    states = [state for state in DemandState if state is not DemandState.UNSPECIFIED]
    rows = [
        demand_row(f"{half}-{state.name}", state=state)
        for half in "ba"
        for state in states
    ]
    store.commit([(BRAND, changes_of(*rows))])
    for state in states:
        found = store.list_demands(BRAND, state=state, after_id="", limit=9)
        names = [row.demand.demand_id for row in found]
        assert names == [f"a-{state.name}", f"b-{state.name}"]
        behind = store.list_demands(BRAND, state=state, after_id=names[0], limit=1)
        assert [row.demand.demand_id for row in behind] == names[1:]
        assert not store.list_demands(OTHER, state=state, after_id="", limit=9)


def test_returns_are_listed_by_state(store: Store) -> None:
    """A return item that changed its state left the list of the old one."""
    waiting = return_row("r1"), return_row("r2"), return_row("r3")
    store.commit([(BRAND, changes_of(*waiting))])
    routed = return_row("r2", state=ReturnState.WAREHOUSE)
    store.commit([(BRAND, changes_of(routed))])
    found = store.list_returns(BRAND, state=ReturnState.WAITING, after_id="", limit=9)
    assert found == [waiting[0], waiting[2]]
    found = store.list_returns(BRAND, state=ReturnState.WAREHOUSE, after_id="", limit=9)
    assert found == [routed]


def test_policy_zero_is_the_active_one(store: Store) -> None:
    """Version 0 finds the active policy among three, and nothing while none is."""
    created = policy_row(1, state=PolicyState.CREATED)
    store.commit([(BRAND, changes_of(created))])
    assert store.policy(BRAND, 0) is None
    retired = policy_row(1, state=PolicyState.RETIRED)
    active, later = policy_row(2), policy_row(3, state=PolicyState.CREATED)
    store.commit([(BRAND, changes_of(retired, active, later))])
    assert store.policy(BRAND, 0) == active
    assert store.policy(BRAND, 1) == retired
    assert store.policy(OTHER, 0) is None


def test_policies_are_listed_by_number(store: Store) -> None:
    """Versions 1 to 11 come as numbers, not as texts, in pages."""
    records = [policy_row(version) for version in range(1, 12)]
    store.commit([(BRAND, changes_of(*reversed(records)))])
    assert store.list_policies(BRAND, after_version=0, limit=99) == records
    assert store.list_policies(BRAND, after_version=8, limit=2) == records[8:10]
    assert store.list_policies(BRAND, after_version=11, limit=2) == []
    assert store.list_policies(OTHER, after_version=0, limit=99) == []


def test_network_rows_are_deleted(store: Store) -> None:
    """None deletes a warehouse or service area of its tenant, and no other row."""
    network = changes_of(
        warehouse_row("w1"),
        warehouse_row("w2"),
        service_area_row("a1"),
        service_area_row("a2"),
    )
    store.commit([(BRAND, network), (OTHER, network)])
    gone = Changes()
    for listed, area in (("w1", "a1"), ("never there", "never there")):
        gone.warehouses[warehouse_row(listed).warehouse_id] = None
        gone.service_areas[service_area_row(area).service_area_id] = None
    store.commit([(BRAND, gone)])
    left = store.list_warehouses(BRAND, after_id="", limit=9)
    assert left == [warehouse_row("w2")]
    areas = store.list_service_areas(BRAND, after_id="", limit=9)
    assert areas == [service_area_row("a2")]
    assert len(store.list_warehouses(OTHER, after_id="", limit=9)) == 2
    assert len(store.list_service_areas(OTHER, after_id="", limit=9)) == 2


def test_deleted_row_can_return(store: Store) -> None:
    """Deleted and written again, in two entries of one commit, it is there."""
    row = warehouse_row()
    store.commit([(BRAND, changes_of(row))])
    gone = Changes(warehouses={WarehouseId("w1"): None})
    store.commit([(BRAND, gone), (BRAND, changes_of(row))])
    assert store.list_warehouses(BRAND, after_id="", limit=9) == [row]


def test_archive_finds_what_exists(store: Store) -> None:
    """Among 2,500 ids, of which 1,200 exist, exactly these are found, once each."""
    demands = [demand_row(f"d{number}") for number in range(1_200)]
    returns = [return_row(f"r{number}") for number in range(1_200)]
    store.commit([(BRAND, changes_of(*demands, *returns))])
    store.commit([(OTHER, changes_of(demand_row("d2000"), return_row("r2000")))])
    archive = store.archive(BRAND)
    asked = [*range(2_400, -1, -1), *range(100)]
    assert archive.demands(DemandId(f"d{number}") for number in asked) == {
        row.demand.demand_id: row for row in demands
    }
    assert archive.returns(ReturnId(f"r{number}") for number in asked) == {
        row.item.return_id: row for row in returns
    }
    assert archive.demands([]) == {}
    assert archive.returns([ReturnId("never there")]) == {}


@pytest.mark.parametrize("at", [0, 1, 777, 1_499])
def test_archive_finds_the_one_of_many(store: Store, at: int) -> None:
    """
    One of 1,500 ids exists: the lowest, the highest, or between; then none does.

    What lies just outside of them, or is another tenant's, is not among them.
    """
    ids = [f"{number:06d}" for number in range(1_500)]
    demand, item = demand_row(ids[at]), return_row(ids[at])
    around = [demand_row("00000"), demand_row("001500"), return_row("001500")]
    store.commit([(BRAND, changes_of(*around)), (OTHER, changes_of(demand, item))])
    archive = store.archive(BRAND)
    demand_ids, return_ids = map(DemandId, ids), map(ReturnId, ids)
    assert archive.demands(demand_ids) == archive.returns(return_ids) == {}
    store.commit([(BRAND, changes_of(demand, item))])
    assert archive.demands(map(DemandId, ids)) == {ids[at]: demand}
    assert archive.returns(map(ReturnId, ids)) == {ids[at]: item}


def test_archive_sees_later_commits(store: Store) -> None:
    """An archive made once answers with the rows of commits that came after it."""
    archive = store.archive(BRAND)
    first, second = match_row(), match_row(version=4)
    assert archive.match(first.match_id) is None
    for row in (first, second):
        store.commit([(BRAND, changes_of(row))])
        assert archive.match(first.match_id) == row
    decision = DECISION.row()
    assert archive.decision(DECISION.id) is None
    store.commit([(BRAND, changes_of(decision))])
    assert archive.decision(DECISION.id) == decision
    assert store.archive(OTHER).decision(DECISION.id) is None


def test_a_store_knows_its_size(store: Store) -> None:
    """Some kilobytes when new, and more with 2,000 rows in it."""
    empty = store.size_bytes()
    rows = changes_of(*(demand_row(f"d{number}") for number in range(2_000)))
    store.commit([(BRAND, rows)])
    assert 10_000 < empty < store.size_bytes() < 100 * 1024 * 1024
