"""Commits and what surrounds them: answers, tenants, threads, closing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import (
    DecisionId,
    DemandId,
    MatchId,
    ReturnId,
    RoundId,
    TenantId,
)
from server.storage.store import Store
from tests.contract.store.conftest import Opener
from tests.contract.store.rows import (
    BRAND,
    OTHER,
    answer_row,
    changes_of,
    decision_row,
    demand_row,
    match_row,
    policy_row,
    return_row,
    round_row,
    service_area_row,
    warehouse_day_row,
    warehouse_row,
)

READS: dict[str, Callable[[Store], Any]] = {
    "load": lambda store: store.load(BRAND),
    "tenants": lambda store: store.tenants(),
    "archive.demands": lambda store: store.archive(BRAND).demands([DemandId("d1")]),
    "archive.returns": lambda store: store.archive(BRAND).returns([ReturnId("r1")]),
    "archive.match": lambda store: store.archive(BRAND).match(MatchId("m-1")),
    "archive.decision": lambda store: store.archive(BRAND).decision(DecisionId("d-1")),
    "answer": lambda store: store.answer(BRAND, "q1"),
    "last_answered": lambda store: store.last_answered(BRAND, "a", "z"),
    "demand": lambda store: store.demand(BRAND, DemandId("d1")),
    "list_demands": lambda store: store.list_demands(
        BRAND, state=None, after_id="", limit=1
    ),
    "return_item": lambda store: store.return_item(BRAND, ReturnId("r1")),
    "list_returns": lambda store: store.list_returns(
        BRAND, state=None, after_id="", limit=1
    ),
    "match": lambda store: store.match(BRAND, MatchId("m-1")),
    "decision": lambda store: store.decision(BRAND, DecisionId("d-1")),
    "decisions_of": lambda store: store.decisions_of(BRAND, ReturnId("r1")),
    "decisions_after": lambda store: store.decisions_after(BRAND, 0, 1),
    "policy": lambda store: store.policy(BRAND, 1),
    "list_policies": lambda store: store.list_policies(BRAND, after_version=0, limit=1),
    "list_warehouses": lambda store: store.list_warehouses(BRAND, after_id="", limit=1),
    "list_service_areas": lambda store: store.list_service_areas(
        BRAND, after_id="", limit=1
    ),
    "round": lambda store: store.round(BRAND, RoundId("r-1")),
    "ping": lambda store: store.ping(),
}


def test_commit_spans_tenants_and_kinds(store: Store) -> None:
    """Two tenants' rows of all kinds and an answer arrive together."""
    rows = (
        demand_row(),
        return_row(),
        match_row(),
        decision_row(),
        policy_row(),
        warehouse_row(),
        service_area_row(),
        warehouse_day_row(),
        round_row(),
    )
    store.commit(
        [(BRAND, changes_of(*rows)), (OTHER, changes_of(*rows))], [answer_row()]
    )
    assert store.load(BRAND) == store.load(OTHER)
    assert len(store.load(BRAND).demands) == 1
    assert store.answer(BRAND, "q1") == answer_row()


def test_commit_leaves_the_changes_as_they_are(store: Store) -> None:
    """The caller's changes are read only: they can be committed once more."""
    changes = changes_of(demand_row(), warehouse_row())
    store.commit([(BRAND, changes), (BRAND, changes_of(demand_row("d2")))])
    assert changes == changes_of(demand_row(), warehouse_row())


@pytest.mark.parametrize("spoiled", ["a taken decision id", "a number past int64"])
def test_refused_row_takes_its_whole_commit_with_it(store: Store, spoiled: str) -> None:
    """A bug of ours is raised, nothing of its commit is stored, the next one is."""
    store.commit([(BRAND, changes_of(decision_row(1)))])
    before = store.load(BRAND)
    bad = (
        decision_row(1)
        if spoiled == "a taken decision id"
        else demand_row(version=2**63)
    )
    entries = [
        (OTHER, changes_of(demand_row())),
        (BRAND, changes_of(return_row(), bad)),
    ]
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each backend has its own
        store.commit(entries, [answer_row()])
    assert not isinstance(caught.value, UnavailableError)
    assert store.load(BRAND) == before
    assert store.tenants() == [BRAND]
    assert store.answer(BRAND, "q1") is None
    store.commit([(BRAND, changes_of(decision_row(2)))])
    assert [each.sequence for each in store.decisions_after(BRAND, 0, 9)] == [1, 2]


def test_tenants_are_those_with_any_row(store: Store) -> None:
    """One row of any kind, an answer alone included, makes a tenant, in id order."""
    assert store.tenants() == []
    rows = {
        "t1": demand_row(),
        "t2": return_row(),
        "t3": match_row(),
        "t4": decision_row(),
        "t5": policy_row(),
        "t6": warehouse_row(),
        "t7": service_area_row(),
        "t8": warehouse_day_row(),
        "t9": round_row(),
    }
    answers = [answer_row(tenant=TenantId("t0"))]
    entries = [(TenantId(name), changes_of(row)) for name, row in rows.items()]
    store.commit(list(reversed(entries)), answers)
    store.commit([(TenantId("T"), changes_of(demand_row()))])
    assert store.tenants() == ["T", "t0", *rows]


def test_first_answer_stays(store: Store) -> None:
    """Of answers to one request id the first is kept, in one commit and over two."""
    first, second = answer_row(answer=b"first"), answer_row(answer=b"second")
    theirs = answer_row(tenant=OTHER, answer=b"theirs")
    store.commit([], [first, second, theirs])
    assert store.answer(BRAND, "q1") == first
    store.commit([(BRAND, changes_of(demand_row()))], [second])
    assert store.answer(BRAND, "q1") == first
    assert store.answer(OTHER, "q1") == theirs
    assert store.answer(BRAND, "q2") is None


def test_answers_are_forgotten_by_age(store: Store) -> None:
    """Before 20: the ones of 10 and 19 go, of every tenant, that of 20 stays."""
    ages = (10, 19, 20, 30)
    answers = [answer_row(f"q{age}", answered_us=age) for age in ages]
    store.commit([], [*answers, answer_row("q10", OTHER, answered_us=10)])
    assert store.forget_answers(20) == 3
    assert store.forget_answers(20) == 0
    kept = [age for age in ages if store.answer(BRAND, f"q{age}")]
    assert kept == [20, 30]
    assert store.answer(OTHER, "q10") is None
    again = answer_row("q10", answer=b"anew", answered_us=40)
    store.commit([], [again])
    assert store.answer(BRAND, "q10") == again


def test_readers_see_whole_commits_only(store: Store) -> None:
    """Four readers beside a writer: the two rows of a commit always agree (I12)."""
    ended = threading.Event()
    seen: set[int] = set()

    def read() -> int:
        count = 0
        while not ended.is_set() or count == 0:
            rows = store.load(BRAND)
            versions = {row.version for row in (*rows.demands, *rows.returns)}
            assert len(rows.demands) == len(rows.returns)
            assert len(versions) <= 1
            assert rows.decision_count == max(versions, default=0)
            seen.update(versions)
            count += 1
        return count

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for version in range(1, 101):
                rows = demand_row(version=version), return_row(version=version)
                store.commit([(BRAND, changes_of(*rows, decision_row(version)))])
        finally:
            ended.set()
        assert all(reader.result(timeout=10) for reader in readers)
    assert seen <= set(range(1, 101))
    assert store.load(BRAND).decision_count == 100


def test_reader_sees_a_commit_at_once(store: Store) -> None:
    """Whoever was told of a commit reads it, on whichever thread."""
    with ThreadPoolExecutor(4) as pool:
        for version in range(1, 26):
            store.commit([(BRAND, changes_of(demand_row(version=version)))])
            found = [pool.submit(store.demand, BRAND, DemandId("d1")) for _ in range(4)]
            assert [each.result() for each in found] == [
                demand_row(version=version)
            ] * 4


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_closed_store_answers_nothing(
    store: Store, read: Callable[[Store], Any]
) -> None:
    """Every read works on an open, empty store, and is UNAVAILABLE once it is shut."""
    read(store)
    store.close()
    with pytest.raises(UnavailableError, match="closed"):
        read(store)


def test_closed_store_takes_nothing(store: Store, opener: Opener) -> None:
    """A commit after closing is refused and stays away; closing twice is no error."""
    store.close()
    store.close()
    with pytest.raises(UnavailableError, match="closed"):
        store.commit([(BRAND, changes_of(demand_row()))])
    with pytest.raises(UnavailableError, match="closed"):
        store.forget_answers(0)
    again = opener()
    try:
        assert again.tenants() == []
    finally:
        again.close()


def test_the_last_answer_of_a_range(store: Store) -> None:
    """The highest id inside, ends included, of this tenant alone; ids sort by bytes."""
    ids = ("i/1", "i/2", "i/3", "j/1", "I/9")
    answers = [answer_row(request_id=each) for each in ids]
    store.commit([], [*answers, answer_row("i/4", OTHER)])
    assert store.last_answered(BRAND, "i/0", "i/9") == "i/3"
    assert store.last_answered(BRAND, "i/0", "i/2") == "i/2"
    assert store.last_answered(BRAND, "i/3", "i/3") == "i/3"
    assert store.last_answered(BRAND, "i/4", "i/9") is None
    assert store.last_answered(OTHER, "i/0", "i/9") == "i/4"
