"""A policy in shadow mode decides and does not act."""

from __future__ import annotations

import pytest

from matcher.domain.errors import NotReadyError
from matcher.domain.ids import MatchId, ReturnId
from matcher.domain.item import Fact, ItemAttributes
from matcher.domain.mode import Mode
from matcher.domain.policy import VolumeCap
from matcher.domain.policy_change import Dimension
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.domain.shadow import ShadowState
from matcher.engine.commands import (
    ActivatePolicy,
    ConfirmMatch,
    CreatePolicy,
    ReleaseMatch,
    RollbackPolicy,
)
from tests.scenarios import DAY_US, RunningShard, demand, policy, return_item
from tests.scenarios.running_shard import SIGNED


def _shard(mode: Mode = Mode.ACT) -> RunningShard:
    shard = RunningShard()
    shard.activate(policy(mode=mode))
    return shard


def _states(shard: RunningShard) -> dict[str, ShadowState]:
    return {key: row.state for key, row in sorted(shard.store.rows.shadows.items())}


def test_shadow_mode_empties_the_pool_at_once() -> None:
    """Whoever waits goes to a warehouse, and promises made before stand (R30)."""
    shard = _shard()
    shard.upsert(demand("d1"), demand("d2", 1_000))
    shard.submit(return_item("r1"))
    shard.round()
    shard.submit(return_item("r2"))
    shard.activate(policy(mode=Mode.SHADOW))
    assert shard.item("r2").reason_codes[0] is ReasonCode.SHADOW_MODE
    assert shard.item("r2").state is ReturnState.WAREHOUSE
    assert shard.item("r1").state is ReturnState.MATCHED
    record = shard.round()
    assert record.return_count == 0
    assert _states(shard) == {"r2": ShadowState.MATCHED}
    result = shard.store.rows.shadows[ReturnId("r2")].result
    assert result is not None
    assert result.demand_id == "d2"
    shard.apply(ConfirmMatch(MatchId("m-000000000001")))
    assert shard.item("r1").state is ReturnState.CONFIRMED


def test_a_rollback_to_shadow_mode_empties_it_too() -> None:
    """However the version comes into force."""
    shard = _shard(mode=Mode.SHADOW)
    shard.activate(policy())
    shard.submit(return_item("r1"))
    assert shard.item("r1").state is ReturnState.WAITING
    shard.apply(RollbackPolicy("complaints"))
    assert shard.item("r1").state is ReturnState.WAREHOUSE
    assert _states(shard) == {"r1": ShadowState.OPEN}


def test_a_released_item_is_not_matched_in_shadow_mode() -> None:
    """Nothing new is promised; the pair that was released is not made again."""
    shard = _shard()
    shard.upsert(demand("d1"))
    shard.submit(return_item("r1"))
    shard.round()
    shard.activate(policy(mode=Mode.SHADOW))
    shard.apply(ReleaseMatch(MatchId("m-000000000001")))
    assert shard.item("r1").state is ReturnState.WAREHOUSE
    shard.round()
    assert [each.code for each in shard.store.rows.shadows[ReturnId("r1")].reasons] == [
        ReasonCode.DEMAND_RELEASED_BEFORE
    ]


def test_nobody_takes_a_place_under_a_cap_in_shadow_mode() -> None:
    """Who is not let in is not counted: acting later starts with an empty window."""
    shard = RunningShard()
    cap = VolumeCap(10_000, DAY_US)
    shard.activate(policy(mode=Mode.SHADOW, volume_cap=cap))
    shard.submit(return_item("r1"))
    assert not shard.store.rows.volume_hours


def test_acting_has_to_be_meant() -> None:
    """From shadow to act widens (R27); the other way, and from nothing, does not."""
    shard = RunningShard()
    everything = tuple(set(Dimension) - {Dimension.MODE})
    for mode in (Mode.SHADOW, Mode.ACT, Mode.SHADOW):
        shard.apply(CreatePolicy(policy(mode=mode)))
    shard.apply(ActivatePolicy(1, everything, SIGNED))
    with pytest.raises(NotReadyError, match="mode: shadow -> act"):
        shard.apply(ActivatePolicy(2, everything, SIGNED))
    shard.apply(ActivatePolicy(2, (Dimension.MODE,), SIGNED))
    shard.apply(ActivatePolicy(3, (), SIGNED))


def test_an_unstated_mode_acts() -> None:
    """UNSPECIFIED counts as ACT and is no change from it."""
    shard = _shard(mode=Mode.UNSPECIFIED)
    shard.submit(return_item("r1"))
    assert shard.item("r1").state is ReturnState.WAITING
    shard.apply(CreatePolicy(policy(mode=Mode.ACT)))
    shard.apply(ActivatePolicy(2, (), SIGNED))


def test_the_never_list_is_no_control_group() -> None:
    """Nobody is told that a damaged item would have matched (R16)."""
    shard = _shard(mode=Mode.SHADOW)
    broken = ItemAttributes(*[Fact.YES] * 6)
    shard.submit(return_item("r1", attributes=broken))
    assert not shard.store.rows.shadows
