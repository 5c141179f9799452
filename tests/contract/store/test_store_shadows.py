"""Shadows in the store: what a restart needs of them, and what they add up to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matcher.domain.ids import DemandId, RoundId
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.domain.shadow import ShadowCount, ShadowResult, ShadowState
from matcher.engine.changes import Changes
from matcher.engine.journal import Checkpoint
from matcher.engine.shadow_records import ShadowRecord, ShadowUnits
from server.storage.journal_codec import pack_checkpoint, unpack_checkpoint
from server.storage.store import Store
from tests.contract.store.rows import (
    BRAND,
    NOW_US,
    OTHER,
    changes_of,
    open_shadow_row,
    return_row,
    shadow_row,
)

Opener = Callable[[], Store]


def _counted(shadows: list[ShadowRecord]) -> list[ShadowCount]:
    # The sums, one shadow after the other.
    groups: dict[tuple[int, str, ReasonCode], list[ShadowRecord]] = {}
    for each in shadows:
        key = (each.policy_version, each.category, each.kept_out)
        groups.setdefault(key, []).append(each)
    counts = []
    for key, members in sorted(groups.items()):
        results = [s.result for s in members if s.state is ShadowState.MATCHED]
        matched = [each for each in results if each is not None]
        states = [
            sum(s.state is state for s in members) for state in list(ShadowState)[1:]
        ]
        counts.append(
            ShadowCount(
                *key,
                len(members),
                *states,
                sum(each.saving_micros for each in matched),
                sum(each.distance_m for each in matched),
                sum(each.waiting_us for each in matched),
            )
        )
    return counts


def test_open_shadows_are_loaded_with_their_items(store: Store, opener: Opener) -> None:
    """A restart finds the open ones, whose items are settled, and units (R26)."""
    settled = [return_row(each, state=ReturnState.WAREHOUSE) for each in ("r1", "r2")]
    units = ShadowUnits(DemandId("d1"), 3)
    rows = changes_of(open_shadow_row("r2"), shadow_row("r1"), *settled, units)
    others = changes_of(open_shadow_row("r1"), return_row("r1", version=9))
    store.commit([(BRAND, rows), (OTHER, others)])
    store.close()
    again = opener()
    try:
        loaded = again.load(BRAND)
    finally:
        again.close()
    assert loaded.shadows == (open_shadow_row("r2"),)
    assert loaded.shadowed == (settled[1],)
    assert loaded.shadow_units == (units,)
    assert not [r for r in loaded.returns if r.state is ReturnState.WAREHOUSE]


def test_a_checkpoint_holds_the_shadows(store: Store) -> None:
    """What a replay starts from is what a restart starts from (R3)."""
    item = return_row("r2", state=ReturnState.WAREHOUSE)
    units = ShadowUnits(DemandId("d1"), 3)
    store.commit([(BRAND, changes_of(open_shadow_row("r2"), item, units))])
    rows = store.load(BRAND)
    packed = pack_checkpoint(Checkpoint(NOW_US, 0, rows))
    assert unpack_checkpoint(packed, NOW_US, 0).rows == rows


def test_units_of_an_ended_demand_are_deleted(store: Store) -> None:
    """Their rows are bounded by the demands that live."""
    ids = [DemandId("d1"), DemandId("d2")]
    store.commit([(BRAND, changes_of(*(ShadowUnits(each, 1) for each in ids)))])
    gone = Changes(shadow_units={ids[0]: None, DemandId("never"): None})
    store.commit([(BRAND, gone)])
    assert store.load(BRAND).shadow_units == (ShadowUnits(ids[1], 1),)


@pytest.fixture(name="shadows")
def _shadows(store: Store) -> list[ShadowRecord]:
    # Two versions, two categories, every reason and every state.
    shadows: list[ShadowRecord] = []
    for number in range(48):
        state = list(ShadowState)[1 + number % 4]
        code = (ReasonCode.NOT_IN_ROLLOUT, ReasonCode.SHADOW_MODE)[number // 4 % 2]
        result = ShadowResult(
            NOW_US,
            number,
            1,
            round_id=RoundId("r-1"),
            distance_m=number * 3,
            saving_micros=number * 5,
        )
        shadows.append(
            shadow_row(
                f"r{number}",
                state=state,
                kept_out=code,
                category=("coats", "shoes")[number // 8 % 2],
                policy_version=number // 16 % 2 + 1,
                result=None if state is ShadowState.OPEN else result,
            )
        )
    store.commit(
        [
            (BRAND, changes_of(*shadows)),
            (OTHER, changes_of(shadows[1])),
        ]
    )
    return shadows


def test_shadows_are_added_up(store: Store, shadows: list[ShadowRecord]) -> None:
    """By version, category and reason, as adding one by one does (R26, R31)."""
    expected = _counted(shadows)
    assert store.count_shadows(BRAND) == expected
    assert len(expected) == 8
    assert all(
        each.control_count
        == each.open_count
        + each.matched_count
        + each.unmatched_count
        + each.skipped_count
        for each in expected
    )
    of_one = [each for each in expected if each.policy_version == 2]
    assert store.count_shadows(BRAND, policy_version=2) == of_one
    assert store.count_shadows(BRAND, policy_version=3) == []
    (other,) = store.count_shadows(OTHER)
    assert other.control_count == 1


def test_a_later_state_replaces_the_earlier(store: Store) -> None:
    """A shadow is counted once, as what it has become."""
    store.commit([(BRAND, changes_of(open_shadow_row()))])
    assert [each.open_count for each in store.count_shadows(BRAND)] == [1]
    store.commit([(BRAND, changes_of(shadow_row()))])
    (count,) = store.count_shadows(BRAND)
    assert (count.open_count, count.matched_count, count.saving_micros) == (0, 1, 6)
