"""A recorded round is the round that was, to the byte; its explanations are exact."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.explanations import check_changes, dense_round, is_matched
from benchmarks.losses import losses
from matcher.domain.decision import Outcome
from matcher.domain.errors import StateConflictError, UnavailableError
from matcher.domain.ids import DemandId, MatchId, ReturnId
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import Policy
from matcher.engine.commands import CancelDemand, ReleaseMatch, UpsertWarehouse
from matcher.engine.market import PoolItem
from matcher.engine.plan import plan
from matcher.engine.round_task import RoundTask, solve_round
from matcher.engine.snapshot import Snapshot
from matcher.explain.detail import Detail, detail_summary, market_detail
from matcher.explain.settled_market import SettledMarket
from matcher.explain.smallest_change import (
    ChangeKind,
    SmallestChange,
    smallest_changes,
)
from matcher.simulate.recorded_round import recorded_round
from matcher.solve import Stop
from tests.scenarios import (
    MINUTE_US,
    TENANT,
    demand,
    policy,
    return_item,
    rule,
    warehouse,
)
from tests.scenarios.lived_shard import BEGINNING, LivedShard


def _lived(
    seed: int, *, returns: int = 30, demands: int = 18, blocks: int = 24
) -> LivedShard:
    """
    Return a town that has lived through three rounds.

    With a warehouse that is full and one that is not, held units, released pairs, a
    round that was lost, and returns that the last round need not look at.
    """
    rng = np.random.default_rng(seed)

    def place() -> dict[str, float]:
        east, north = 250.0 * rng.integers(0, blocks, 2)
        return {"east_m": float(east), "north_m": float(north)}

    shard = LivedShard()
    shard.activate(_terms())
    shard.apply(UpsertWarehouse(warehouse("w1", 9_000, daily_capacity=2)))
    shard.apply(UpsertWarehouse(warehouse("w2", 60_000)))
    shard.upsert(
        *(
            demand(f"d{n:02}", **place(), quantity=int(rng.integers(1, 3)))
            for n in range(demands)
        )
    )
    for third in range(3):
        shard.submit(
            *(
                return_item(f"r{n:02}", **place())
                for n in range(third * returns // 3, (third + 1) * returns // 3)
            )
        )
        # Refused by gate 1, and sent to the warehouse that has little room.
        shard.submit(return_item(f"x{third}", customer_consents=False))
        shard.now_us += MINUTE_US
        if third == 1:
            shard.begin()
            shard.restart()
        shard.run_round()
        if third < 2:
            active = sorted(shard.store.rows.matches)
            shard.apply(ReleaseMatch(MatchId(active[-1])))
            shard.upsert(demand(f"e{third}", **place()))
    return shard


def _terms() -> Policy:
    document = policy(rule(radius_m=3_000, min_saving_micros=400_000))
    model = replace(document.cost_model, label_per_km_micros=500_000)
    return replace(document, cost_model=model)


@pytest.mark.parametrize("seed", range(3))
def test_a_round_comes_back_as_it_was(seed: int) -> None:
    """Market, records, answer, proof, summary and decisions, each of three rounds."""
    shard = _lived(seed)
    for record in shard.store.rows.rounds:
        found = shard.lived(record)
        found.must_be(record)
        assert found.solved.proof == record.proof
        log = {d.decision_id: d for d in shard.store.rows.decisions}
        assert [log[d.decision_id] for d in found.decisions] == list(found.decisions)
    then, now = shard.last, shard.lived(shard.store.rows.rounds[-1]).solved
    assert then is not None
    assert now.task.records == then.task.records
    assert now.task.policy == then.task.policy
    assert now.task.remaining.tolist() == then.task.remaining.tolist()
    mine, other = now.task.market, then.task.market
    assert (mine.items, mine.demands) == (other.items, other.demands)
    for name in ("row_offsets", "columns", "saving", "capacity"):
        assert np.array_equal(getattr(mine.graph, name), getattr(other.graph, name))
    assert np.array_equal(now.solved.assignment.column, then.solved.assignment.column)


def test_a_round_that_is_otherwise_is_refused() -> None:
    """Another proof is another round, whatever else is the same."""
    shard = _lived(0)
    record = shard.store.rows.rounds[-1]
    with pytest.raises(StateConflictError, match="solved it otherwise"):
        shard.lived(record).must_be(replace(record, proof=record.proof + b"!"))


def test_entries_that_end_before_the_round() -> None:
    """They give nothing, and a stop gives nothing either."""
    shard = _lived(0)
    record = shard.store.rows.rounds[-1]
    assert recorded_round(TENANT, BEGINNING, shard.journal[:-1], record) is None
    stop = Stop()
    stop.request()
    with pytest.raises(UnavailableError):
        recorded_round(TENANT, BEGINNING, shard.journal, record, stop=stop)


def _with_everybody(shard: LivedShard, task: RoundTask) -> RoundTask:
    """Return the task with the items that it did not look at, as the older ones."""
    rows = shard.store.rows.returns
    left_out = tuple(
        PoolItem(
            rows[each].item,
            task.policy.categories[0],
            rows[each].released_demand_ids,
        )
        for each in sorted(task.unmoved)
    )
    market = replace(task.market, items=left_out + task.market.items)
    return replace(task, market=market)


@pytest.mark.parametrize("seed", range(4))
def test_changes_of_a_recorded_round_are_exact(seed: int) -> None:
    """With it the item is matched, with one unit less it is not; every return (R41)."""
    shard = _lived(seed, returns=48, demands=30, blocks=40)
    found = shard.lived(shard.store.rows.rounds[-1])
    checked = check_changes(found, found.task, 99)
    assert not checked.wrong
    assert len(checked.seconds) >= 4
    assert set(checked.exact) >= {ChangeKind.RADIUS, ChangeKind.SAVING, ChangeKind.UNIT}


def test_a_dense_round_is_exact() -> None:
    """Sixty returns of a dense city, with conditions besides (R41)."""
    found = dense_round(60, seed=3)
    checked = check_changes(found, found.task, 60)
    assert not checked.wrong
    assert len(checked.seconds) == 60
    assert ChangeKind.CONDITION in checked.exact


def test_losses_of_a_dense_round_are_measured() -> None:
    """Without limits, with a day and with zones inside it, each by two objectives."""
    found = list(losses(40, 3, 1))
    assert len(found) == 6
    for each in found:
        assert each.numbers["matched_count"] > 10
    assert found[2].numbers["unmatched_count"] > found[0].numbers["unmatched_count"]


@pytest.mark.slow
def test_a_thousand_of_a_dense_round_are_exact() -> None:
    """A thousand unmatched returns of one recorded round of a shard (R41)."""
    found = dense_round(1_000, seed=1)
    checked = check_changes(found, found.task, 1_000)
    assert not checked.wrong
    assert len(checked.seconds) == 1_000


def test_a_round_that_was_stopped_early_comes_back_too() -> None:
    """With what it had found by then; nothing exact is said of it."""
    shard = LivedShard()
    shard.activate(_terms())
    shard.upsert(demand("d1"))
    shard.submit(return_item("r1"), return_item("r2"))
    stop = Stop()
    stop.request()
    hasty = solve_round(shard.begin(), stop=stop)
    assert hasty.solved.assignment.gap > 0
    record = shard.shard.finish_round(hasty, shard.now_us)
    shard.commit()
    found = shard.lived(record)
    found.must_be(record)
    settled = SettledMarket.of_round(found.task, found.solved.solved, found.demands)
    for return_id in ("r1", "r2"):
        detail = market_detail(settled, ReturnId(return_id))
        assert detail == Detail(gap_micros=hasty.solved.assignment.gap)


def test_a_match_that_was_dropped_is_told_of() -> None:
    """The round gave it a buyer who left meanwhile: it waits, and had alternatives."""
    shard = LivedShard()
    shard.activate(_terms())
    shard.upsert(demand("d1"), demand("d2", 500))
    shard.submit(return_item("r1"))
    solved = solve_round(shard.begin())
    shard.apply(CancelDemand(DemandId("d1")))
    record = shard.shard.finish_round(solved, shard.now_us)
    shard.commit()
    found = shard.lived(record)
    found.must_be(record)
    settled = SettledMarket.of_round(found.task, found.solved.solved, found.demands)
    detail = market_detail(settled, ReturnId("r1"))
    (decision,) = found.decisions
    assert decision.outcome is Outcome.WAITING
    assert [each.demand_id for each in detail.alternatives] == ["d2"]
    assert detail_summary(decision, detail).startswith("The round gave it a buyer")


def test_a_released_pair_is_no_way_out() -> None:
    """The one buyer near was given back: neither radius nor saving brings it again."""
    shard = LivedShard()
    shard.activate(_terms())
    shard.upsert(demand("d1"), demand("d2", 5_000))
    shard.submit(return_item("r1"))
    shard.run_round()
    shard.apply(ReleaseMatch(MatchId("m-000000000001")))
    record = shard.run_round()
    found = shard.lived(record)
    settled = SettledMarket.of_round(found.task, found.solved.solved, found.demands)
    ((_, changes),) = smallest_changes(settled, [ReturnId("r1")])
    assert changes == (SmallestChange(ChangeKind.RADIUS, 2_000),)
    assert is_matched(found, found.task, ReturnId("r1"), changes[0])


def test_only_units_that_were_open_count() -> None:
    """Held ones and those of a demand that was cancelled before are no way out."""
    shard = LivedShard()
    shard.activate(_terms())
    shard.upsert(demand("d1"), demand("d2", 200), demand("d3", 400))
    shard.submit(return_item("r1"))
    shard.run_round()
    shard.apply(CancelDemand(DemandId("d3")))
    shard.submit(return_item("r2"), return_item("r3"))
    record = shard.run_round()
    found = shard.lived(record)
    assert [each.demand.demand_id for each in found.demands] == ["d2"]
    settled = SettledMarket.of_round(found.task, found.solved.solved, found.demands)
    ((_, changes),) = smallest_changes(settled, [ReturnId("r3")])
    met = Counter(change.kind for change in changes)
    assert met == {ChangeKind.SAVING: 1, ChangeKind.UNIT: 1}
    unit = next(change for change in changes if change.kind is ChangeKind.UNIT)
    assert (unit.demand_id, unit.amount) == ("d2", 1)


@pytest.mark.parametrize("objective", [each for each in Objective if each])
def test_a_plan_of_the_same_says_the_same(objective: Objective) -> None:
    """Every item of a limited round in full, out of a journal and out of a snapshot."""
    rng = np.random.default_rng(17)
    terms = replace(
        _terms(),
        objective=objective,
        match_limits=(
            MatchLimit(LimitScope.DAY, 9),
            MatchLimit(LimitScope.ZONE, 1, 8),
            MatchLimit(LimitScope.ZONE, 3, 6),
        ),
    )
    places = [250.0 * rng.integers(0, 24, 2) for _ in range(40)]
    items = [return_item(f"r{n:02}", *place) for n, place in enumerate(places[:22])]
    wanted = [demand(f"d{n:02}", *place) for n, place in enumerate(places[22:])]
    shard = LivedShard()
    shard.activate(terms)
    shard.upsert(*wanted)
    shard.submit(*items)
    found = shard.lived(shard.run_round())
    lived = SettledMarket.of_round(found.task, found.solved.solved, found.demands)
    snapshot = Snapshot(tuple(items), tuple(wanted))
    in_force, now_us = found.task.policy, found.task.started_us
    made = plan(snapshot, in_force, now_us=now_us, tenant=TENANT)
    planned = SettledMarket.of_plan(snapshot, in_force, made, now_us)
    met: Counter[str] = Counter()
    for item in items:
        detail = market_detail(lived, item.return_id)
        assert detail == market_detail(planned, item.return_id)
        met["alternatives"] += bool(detail.alternatives)
        met["displaced"] += detail.displacement is not None
    assert met["alternatives"] > 3, met
    assert met["displaced"] > 3, met


def test_items_that_were_left_out_change_nothing() -> None:
    """Solved with everybody who waited, each change is as exact (ADR 14)."""
    left_out = 0
    for seed in range(6):
        shard = _lived(seed, returns=60, demands=30, blocks=100)
        found = shard.lived(shard.store.rows.rounds[-1])
        left_out += len(found.task.unmoved)
        everybody = _with_everybody(shard, found.task)
        checked = check_changes(found, everybody, 99)
        assert not checked.wrong
    assert left_out > 0


@pytest.mark.parametrize("is_limited", [True, False])
def test_whoever_gives_up_ends_a_search(is_limited: bool) -> None:
    """Under limits each question solves the market: the stop ends it, with an error."""
    limits = (MatchLimit(LimitScope.DAY, 1),) if is_limited else ()
    shard = LivedShard()
    shard.activate(replace(_terms(), match_limits=limits))
    shard.upsert(demand("d1"))
    shard.submit(return_item("r1"), return_item("r2"))
    record = shard.run_round()
    found = shard.lived(record)
    settled = SettledMarket.of_round(found.task, found.solved.solved, found.demands)
    stop = Stop()
    stop.request()
    asked = smallest_changes(settled, [ReturnId("r2")], stop)
    if is_limited:
        with pytest.raises(UnavailableError, match="stopped"):
            next(asked)
    else:
        # Milliseconds: nobody need wait for less.
        assert next(asked)[1]
