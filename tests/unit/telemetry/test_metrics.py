"""What is counted of a group of work, and of a server that stands somehow."""

from __future__ import annotations

import urllib.request
from collections import Counter

import pytest
from prometheus_client import CollectorRegistry

from matcher.domain.decision import Outcome
from matcher.domain.errors import InvalidValueError, StateConflictError
from matcher.domain.ids import RoundId, TenantId
from matcher.domain.reason import ReasonCode
from matcher.engine.records import RoundRecord
from matcher.engine.shard_sizes import ShardSizes
from matcher.engine.stages import Stage
from server.events.relay import Lag
from server.runtime.state import RuntimeState
from server.runtime.watch import GroupTimes
from server.telemetry.counting import Counting
from server.telemetry.metrics import Metrics
from server.telemetry.metrics_server import MetricsServer
from server.telemetry.state_collector import Standing

_MS = 1_000_000


def _metrics() -> Metrics:
    return Metrics(lambda: None, "1.2.3")


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def _round(saving_micros: int, dual_micros: int) -> RoundRecord:
    return RoundRecord(
        round_id=RoundId("r-000000000001"),
        policy_version=1,
        started_us=1_700_000_000_500_000,
        return_count=9,
        demand_count=9,
        candidate_count=40,
        matched_count=3,
        waiting_count=6,
        warehouse_count=0,
        dropped_count=1,
        distance_sum_m=0,
        saving_micros=saving_micros,
        dual_micros=dual_micros,
        verified=True,
        reason_counts=(),
    )


def _group(**fields: object) -> GroupTimes:
    # Two writes, queued 3 and 1 ms before; 2 and 4 ms of work; 10 ms of commit.
    values = {
        "queued_ns": [7 * _MS, 9 * _MS],
        "origins": [None, None],
        "begun_ns": 10 * _MS,
        "ran_ns": [12 * _MS, 16 * _MS],
        "ended_ns": 26 * _MS,
        "is_stored": True,
        **fields,
    }
    return GroupTimes(**values)  # type: ignore[arg-type]


def test_a_stored_group_is_timed_from_queue_to_commit() -> None:
    """Waits are of each write; work and commit of the group."""
    metrics = _metrics()
    metrics.group(_group())
    assert _value(metrics, "nearturn_queue_wait_seconds_count") == 2
    assert _value(metrics, "nearturn_queue_wait_seconds_sum") == pytest.approx(0.004)
    assert _value(metrics, "nearturn_engine_duration_seconds_sum") == pytest.approx(
        0.006
    )
    assert _value(metrics, "nearturn_commit_duration_seconds_sum") == pytest.approx(
        0.010
    )
    assert _value(metrics, "nearturn_commit_group_size_sum") == 2


def test_decisions_are_counted_by_outcome_and_by_each_reason() -> None:
    """Two of one kind with two reasons, and one without any: that one stands out."""
    metrics = _metrics()
    codes = (ReasonCode.ITEM_FRAGILE, ReasonCode.CONSENT_MISSING)
    decided = Counter({(Outcome.WAREHOUSE, codes): 2, (Outcome.WAITING, ()): 1})
    metrics.group(_group(decided=decided))
    assert _value(metrics, "nearturn_decisions_total", outcome="WAREHOUSE") == 2
    assert _value(metrics, "nearturn_decisions_total", outcome="WAITING") == 1
    assert _value(metrics, "nearturn_decisions_total", outcome="MATCHED") == 0
    for code in codes:
        labels = {"outcome": "WAREHOUSE", "reason": code.name}
        assert _value(metrics, "nearturn_decision_reasons_total", **labels) == 2
    assert _value(metrics, "nearturn_unexplained_decisions_total") == 1


def test_a_round_with_a_gap_is_told_from_one_that_is_proven() -> None:
    """The gap is of the last round; unproven ones are counted."""
    metrics = _metrics()
    metrics.group(_group(rounds=[_round(500, 620)]))
    assert _value(metrics, "nearturn_last_round_gap_micros") == 120
    metrics.group(_group(rounds=[_round(700, 700)]))
    assert _value(metrics, "nearturn_last_round_gap_micros") == 0
    assert _value(metrics, "nearturn_unproven_rounds_total") == 1
    assert _value(metrics, "nearturn_round_saving_micros_total") == 1_200
    assert _value(metrics, "nearturn_round_matches_total") == 6
    assert _value(metrics, "nearturn_round_dropped_matches_total") == 2
    assert _value(metrics, "nearturn_last_round_timestamp_seconds") == 1_700_000_000.5


def test_what_was_given_up_did_not_happen() -> None:
    """Nothing of such a group is counted but that it was given up."""
    metrics = _metrics()
    metrics.group(_group(is_stored=False, is_given_up=True))
    assert _value(metrics, "nearturn_groups_given_up_total") == 1
    assert _value(metrics, "nearturn_commit_group_size_count") == 0
    assert _value(metrics, "nearturn_engine_duration_seconds_count") == 0


def test_a_call_is_timed_under_its_method_and_code() -> None:
    """In flight until it ends."""
    metrics = _metrics()
    call = Counting(metrics).began("nearturn.v1.ReturnService.SubmitReturn", ())
    assert _value(metrics, "nearturn_rpcs_in_flight") == 1
    call.ended("NOT_FOUND")
    assert _value(metrics, "nearturn_rpcs_in_flight") == 0
    labels = {"method": "nearturn.v1.ReturnService.SubmitReturn", "code": "NOT_FOUND"}
    assert _value(metrics, "nearturn_rpc_duration_seconds_count", **labels) == 1
    assert _value(metrics, "nearturn_internal_errors_total") == 0
    Counting(metrics).began("nearturn.v1.ReturnService.SubmitReturn", ()).ended(
        "INTERNAL"
    )
    assert _value(metrics, "nearturn_internal_errors_total") == 1


def test_a_round_that_breaks_is_a_failure_and_one_without_policy_is_none() -> None:
    """Whoever asks for a round without a policy hears so; nothing of ours broke."""
    metrics = _metrics()
    counting = Counting(metrics)
    with counting.round() as stages, stages(Stage.SOLVE):
        pass
    with pytest.raises(RuntimeError), counting.round():
        raise RuntimeError
    with pytest.raises(StateConflictError), counting.round():
        raise StateConflictError("tenant", "", "without a policy", "a round", "one")
    assert _value(metrics, "nearturn_round_duration_seconds_count") == 1
    assert _value(metrics, "nearturn_round_failures_total") == 1
    stage = "nearturn_round_stage_duration_seconds_count"
    assert _value(metrics, stage, stage="solve") == 1
    assert _value(metrics, stage, stage="check") == 0


def test_tenants_are_added_up() -> None:
    """Sizes and lags of two tenants; the oldest lag and the highest epoch count."""
    one = ShardSizes(3, 1, 10, 9, 1_000, 2, 4, 2_500, 101, 20)
    two = ShardSizes(4, 0, 20, 20, 2_000, 0, 0, 0, 0, 0)
    a, b = TenantId("a"), TenantId("b")
    state = RuntimeState({a: 4, b: 1}, 3, {a: 2, b: 7}, {a: one, b: two})
    lags = [Lag(3, 2_500_000), Lag(4, 1_000_000)]
    metrics = Metrics(lambda: Standing(True, 100, state, 4_096, lags), "1")
    expected = {
        "serving": 1,
        "queue_length": 5,
        "queue_limit": 100,
        "waiting_returns": 7,
        "holds": 1,
        "open_demands": 30,
        "indexed_demands": 29,
        "index_bytes": 3_000,
        "shadows": 2,
        "policies_in_force": 1,
        "volume_cap_eligible_returns": 101,
        "volume_cap_allowed_returns": 25,
        "volume_cap_admitted_returns": 20,
        "leases_wanted": 3,
        "leases_held": 2,
        "lease_epoch": 7,
        "store_reachable": 1,
        "store_bytes": 4_096,
        "outbox_lag_decisions": 7,
        "outbox_lag_seconds": 2.5,
    }
    assert {n: _value(metrics, f"nearturn_{n}") for n in expected} == expected
    for tenant, waiting, demands, queued in (("a", 3, 10, 4), ("b", 4, 20, 1)):
        of = {"tenant": tenant}
        assert _value(metrics, "nearturn_tenant_waiting_returns", **of) == waiting
        assert _value(metrics, "nearturn_tenant_open_demands", **of) == demands
        assert _value(metrics, "nearturn_tenant_queue_length", **of) == queued


def test_the_engine_is_counted_by_tenant_and_so_is_what_is_refused() -> None:
    """Pieces of 2 and 4 ms, each its tenant's; a refusal of one of them."""
    metrics = _metrics()
    metrics.group(_group(tenants=["a", "b"]))
    Counting(metrics).refused(TenantId("b"))
    spent = "nearturn_tenant_engine_seconds_total"
    assert _value(metrics, spent, tenant="a") == pytest.approx(0.002)
    assert _value(metrics, spent, tenant="b") == pytest.approx(0.004)
    refused = "nearturn_tenant_queue_refusals_total"
    assert _value(metrics, refused, tenant="b") == 1
    assert _value(metrics, refused, tenant="a") is None
    assert _value(metrics, "nearturn_queue_refusals_total") == 1


def test_what_cannot_be_read_has_no_sample() -> None:
    """A store that is gone and no broker: absent, and not 0."""
    state = RuntimeState({}, 1, {}, {})
    metrics = Metrics(lambda: Standing(False, 100, state), "1")
    assert _value(metrics, "nearturn_store_bytes") is None
    assert _value(metrics, "nearturn_outbox_lag_seconds") is None
    assert _value(metrics, "nearturn_store_reachable") == 0
    assert _value(_metrics(), "nearturn_serving") is None


def test_a_port_that_is_taken_is_named() -> None:
    """A second server on an address is refused by name; the first one answers on."""
    first = MetricsServer("127.0.0.1:0", _metrics().registry)
    address = f"127.0.0.1:{first.port}"
    try:
        with pytest.raises(InvalidValueError, match="metrics_listen") as refused:
            MetricsServer(address, CollectorRegistry())
        assert address in str(refused.value)
        with urllib.request.urlopen(f"http://{address}/metrics") as answer:
            assert b"nearturn_build_info" in answer.read()
    finally:
        first.close()
