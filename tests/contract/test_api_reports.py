"""ReportService: rollouts against a scan of every decision, density, prices."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import grpc
import h3
import pytest
from google.protobuf.duration_pb2 import Duration

from nearturn.v1 import (
    decision_pb2,
    evidence_pb2,
    item_outcome_pb2,
    item_pb2,
    match_limit_pb2,
    mode_pb2,
    policy_pb2,
)
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import policy_service_pb2 as policies
from nearturn.v1 import report_service_pb2 as pb
from nearturn.v1 import return_service_pb2 as returns
from tests.contract.api_target import Api, ApiError, HandClock
from tests.contract.messages import (
    activate,
    demand,
    policy,
    return_item,
    submit,
    timestamp,
    upsert,
    warehouse,
)
from tests.contract.naive_report import (
    every_return,
    naive_control,
    naive_counts,
    told_counts,
)
from tests.scenarios import DAY_US, HOUR_US, NOW_US

SKUS = ("shirt", "coat", "sock", "hat")


def _item(rng: random.Random, number: int) -> Any:
    item = return_item(
        f"r{number:03d}",
        rng.randrange(-40, 80) * 1_000.0,
        sku=rng.choice(SKUS),
        condition=rng.choice([item_pb2.CONDITION_GOOD, item_pb2.CONDITION_NEW]),
        reason=rng.choice(
            [
                item_pb2.RETURN_REASON_FIT,
                item_pb2.RETURN_REASON_FIT,
                item_pb2.RETURN_REASON_PREFERENCE,
            ]
        ),
        category=rng.choice(["apparel", "apparel", "apparel", "toys"]),
    )
    if rng.random() < 0.1:
        item.verification.status = item_pb2.VERIFICATION_STATUS_FAILED
    if rng.random() < 0.1:
        item.attributes.damaged = item_pb2.FACT_YES
    return item


def _outcome(rng: random.Random, now_us: int) -> item_outcome_pb2.ItemOutcome:
    if rng.random() < 0.2:
        return item_outcome_pb2.ItemOutcome(
            arrival=item_outcome_pb2.ARRIVAL_LOST, occurred_time=timestamp(now_us)
        )
    return item_outcome_pb2.ItemOutcome(
        arrival=item_outcome_pb2.ARRIVAL_ARRIVED,
        condition=rng.choice([0, item_pb2.CONDITION_FAIR, item_pb2.CONDITION_NEW]),
        buyer_response=rng.choice(item_outcome_pb2.BuyerResponse.values()),
        occurred_time=timestamp(now_us),
    )


async def _live(api: Api, clock: HandClock, seed: int) -> None:
    # A life of submissions, rounds, confirmations, cancellations and outcomes.
    rng = random.Random(seed)
    await api(policies.CreatePolicyRequest(policy=policy()))
    await activate(api, policy(rollout_basis_points=8_000))
    for start in range(0, 120, 30):
        places = (rng.randrange(-40, 80) * 1_000.0 for _ in range(20))
        orders = [
            demand(f"d{start + n}", east_m, sku=rng.choice(SKUS))
            for n, east_m in enumerate(places)
        ]
        await upsert(api, *orders)
        await submit(api, *(_item(rng, number) for number in range(start, start + 30)))
        clock.now_us += rng.randrange(HOUR_US // 2)
        await api(matches.RunRoundRequest())
        for item in await every_return(api):
            await _move(api, rng, clock, item)
        if start == 60:
            await activate(api, policy(rollout_basis_points=10_000))


async def _move(api: Api, rng: random.Random, clock: HandClock, item: Any) -> None:
    read = await api(returns.GetReturnRequest(return_id=item.return_id))
    match, draw = read.decision.match, rng.random()
    if read.decision.outcome != decision_pb2.OUTCOME_MATCHED or (
        match.hold_state != decision_pb2.HOLD_STATE_ACTIVE
    ):
        return
    if draw < 0.6:
        await api(matches.ConfirmMatchRequest(match_id=match.match_id))
        if rng.random() < 0.8:
            outcome = _outcome(rng, clock.now_us)
            await api(
                matches.RecordOutcomeRequest(match_id=match.match_id, outcome=outcome)
            )
    elif draw < 0.7:
        await api(matches.ReleaseMatchRequest(match_id=match.match_id))
    elif draw < 0.8:
        await api(returns.CancelReturnRequest(return_id=item.return_id))


@pytest.mark.parametrize("has_warehouse", [True, False])
async def test_the_report_is_what_a_scan_of_all_decisions_says(
    api: Api, clock: HandClock, has_warehouse: bool
):
    """
    Every count, share, distance and wait of two versions, exactly (R28, R52, R64).

    The naive report reads all returns and all decisions and counts one by one.
    """
    if has_warehouse:
        await api(_stored_warehouse())
    await _live(api, clock, seed=5)
    seen = Counter[str]()
    for version in (1, 2, 3):
        expected = await naive_counts(api, version)
        report = await api(pb.GetRolloutReportRequest(policy_version=version))
        told = told_counts(report)
        assert {k: v for k, v in told["counts"].items() if v} == {
            k: v for k, v in expected["counts"].items() if v
        }
        assert told["fallback"] == expected["fallback"]
        assert report.total.unexplained_count == 0
        _check_distribution(report.distance_m, expected["distances"])
        _check_distribution(report.wait_seconds, expected["waits"])
        for groups in (report.categories, report.reasons):
            assert report.total.submitted_count == sum(
                group.funnel.submitted_count for group in groups
            )
            assert report.total.matched.count == sum(
                group.funnel.matched.count for group in groups
            )
        assert report.total.submitted_count == sum(
            sku.submitted_count for sku in report.skus
        )
        seen.update(expected["counts"])
    assert seen["RETURN_STATE_COMPLETED"] > 5
    assert seen["complained"] > 1
    assert seen["lost"] > 1
    assert seen["avoided count"] > 1 or not has_warehouse


def _stored_warehouse() -> Any:
    from nearturn.v1 import network_service_pb2  # noqa: PLC0415 - only here

    return network_service_pb2.UpsertWarehouseRequest(
        warehouse=warehouse("w1", 30_000, daily_capacity=10_000)
    )


def _check_distribution(told: Any, values: list[float]) -> None:
    assert told.count == len(values)
    if values:
        assert told.mean == pytest.approx(sum(values) / len(values))
        # The least value that half, or 95 %, do not exceed; whole units.
        for share, quantile in ((0.5, told.p50), (0.95, told.p95)):
            rank = next(
                n for n in range(1, len(values) + 1) if n >= share * len(values)
            )
            assert quantile == int(values[rank - 1])
        assert told.largest == int(values[-1])


async def test_the_report_leaves_out_what_was_submitted_before_and_after(
    api: Api, clock: HandClock
):
    """From the start on, and before the end; an empty span is refused."""
    await activate(api)
    for number in range(3):
        await submit(api, return_item(f"r{number}"))
        clock.now_us += HOUR_US
    report = await api(
        pb.GetRolloutReportRequest(
            start_time=timestamp(NOW_US + HOUR_US),
            end_time=timestamp(NOW_US + 2 * HOUR_US),
        )
    )
    assert report.total.submitted_count == 1
    with pytest.raises(ApiError) as caught:
        await api(pb.GetRolloutReportRequest(end_time=timestamp(0)))
    assert "end_time" in caught.value.violations


async def test_a_version_that_is_not_there_is_not_found(api: Api):
    """As is the active one where there is none."""
    for version in (0, 7):
        with pytest.raises(ApiError) as caught:
            await api(pb.GetRolloutReportRequest(policy_version=version))
        assert caught.value.code is grpc.StatusCode.NOT_FOUND


async def test_a_sku_that_comes_back_more_often_is_named(api: Api, clock: HandClock):
    """
    2 shirts in the first day and 14 in the second: were they alike, 14 of 16 is rare.

    Coats come 3 and 4 times, which says nothing (R32).
    """
    await activate(api)
    per_day = ((("shirt", 2), ("coat", 3)), (("shirt", 14), ("coat", 4)))
    for day, counts in enumerate(per_day):
        clock.now_us = NOW_US + day * DAY_US
        await submit(
            api,
            *(
                return_item(
                    f"{sku}-{day}-{n}",
                    sku=sku,
                    decide_by_time=timestamp(NOW_US + 3 * DAY_US),
                )
                for sku, count in counts
                for n in range(count)
            ),
        )
    clock.now_us += HOUR_US
    report = await api(pb.GetRolloutReportRequest(rate_span=Duration(seconds=86_400)))
    told = {s.sku: (s.recent_per_day, s.previous_per_day) for s in report.skus}
    assert told == {"shirt": (14.0, 2.0), "coat": (4.0, 3.0)}
    assert [each.sku for each in report.skus] == ["shirt", "coat"]
    assert [each.is_rising for each in report.skus] == [True, False]


async def test_the_evidence_gate_says_what_is_met(api: Api, clock: HandClock):
    """A share without a sample is not met; each threshold is told apart (R28)."""
    asked = evidence_pb2.EvidenceThresholds(
        min_outcome_count=1,
        max_complaint_basis_points=0,
        min_matched_basis_points=5_000,
        min_in_force_days=2,
    )
    await activate(api, policy(evidence_thresholds=asked))
    report = await api(pb.GetRolloutReportRequest())
    assert [each.is_met for each in report.evidence] == [False] * 4
    await upsert(api, demand("d1", 1_000))
    await submit(api, return_item("r1"), return_item("r2"))
    await api(matches.RunRoundRequest())
    await api(matches.ConfirmMatchRequest(match_id="m-000000000001"))
    outcome = item_outcome_pb2.ItemOutcome(
        buyer_response=item_outcome_pb2.BUYER_RESPONSE_SATISFIED,
        occurred_time=timestamp(NOW_US),
    )
    await api(matches.RecordOutcomeRequest(match_id="m-000000000001", outcome=outcome))
    clock.now_us += 2 * DAY_US - 1
    report = await api(pb.GetRolloutReportRequest())
    assert [each.is_met for each in report.evidence] == [True, True, True, False]
    assert not report.is_evidence_met
    clock.now_us += 1
    report = await api(pb.GetRolloutReportRequest())
    assert report.is_evidence_met
    assert report.in_force_duration.seconds == 2 * 86_400


# --- Density -------------------------------------------------------------------


async def test_density_counts_open_units_by_cell(api: Api):
    """Two demands in a cell, one elsewhere, one whose buyer does not consent (R19)."""
    await activate(api)
    orders = [
        demand("d1", 0.0, quantity=2),
        demand("d2", 0.0, sku="coat"),
        demand("d3", 60_000),
        demand("d4", 0.0, accepts_returned_item=False),
    ]
    await upsert(api, *orders)
    home, away = (
        h3.latlng_to_cell(each.location.latitude, each.location.longitude, 7)
        for each in (orders[0], orders[2])
    )
    told = await api(pb.GetDensityRequest())
    assert [(c.cell, c.open_unit_count, c.demand_count) for c in told.cells] == [
        (home, 3, 2),
        (away, 1, 1),
    ]
    only = await api(pb.GetDensityRequest(sku="coat", category="apparel"))
    assert [(c.cell, c.open_unit_count) for c in only.cells] == [(home, 1)]
    first = await api(pb.GetDensityRequest(page_size=1))
    second = await api(
        pb.GetDensityRequest(page_size=1, page_token=first.next_page_token)
    )
    assert [*first.cells, *second.cells] == list(told.cells)
    assert not second.next_page_token
    coarse = await api(pb.GetDensityRequest(resolution=0))
    assert [each.open_unit_count for each in coarse.cells] == [4]


async def test_steadiness_is_the_share_of_days_with_an_order(
    api: Api, clock: HandClock
):
    """Shirts on 3 of the last 4 days, five orders; one before the window (R19, R20)."""
    for day, orders in enumerate([1, 2, 0, 2, 1]):
        clock.now_us = NOW_US + day * DAY_US
        if orders:
            await upsert(
                api,
                *(
                    demand(
                        f"d{day}-{n}",
                        ship_by_time=timestamp(clock.now_us + DAY_US),
                        quantity=3,
                    )
                    for n in range(orders)
                ),
            )
    told = await api(pb.ListSkuDemandsRequest(window_days=4))
    assert list(told.skus) == [
        pb.SkuDemand(
            sku="shirt",
            # Those of before have to be shipped by now.
            open_unit_count=3,
            order_count=5,
            order_day_count=3,
            steadiness_basis_points=7_500,
        )
    ]
    assert not (await api(pb.ListSkuDemandsRequest(category="toys"))).skus


# --- Prices --------------------------------------------------------------------


async def _crowded(api: Api) -> None:
    # Two returns 1 and 5 km from the one buyer: who loses is worth nothing.
    await activate(api)
    await upsert(api, demand("d1", 0.0))
    await submit(api, return_item("near", 1_000), return_item("far", 5_000))
    await api(matches.RunRoundRequest())


async def test_one_more_unit_is_worth_what_the_loser_would_save(api: Api):
    """
    The label costs 3,000,000 and 10 a metre against 9,000,000: 5,950,000 for 5 km.

    Without the near return the far one would have saved 40,000 less.
    """
    await _crowded(api)
    told = await api(pb.GetShadowPricesRequest(view=pb.PRICE_VIEW_DEMAND))
    assert [(p.demand_id, p.price_micros) for p in told.prices] == [("d1", 5_950_000)]
    told = await api(pb.GetShadowPricesRequest(view=pb.PRICE_VIEW_RETURN))
    assert [(p.return_id, p.price_micros) for p in told.prices] == [("near", 40_000)]
    told = await api(pb.GetShadowPricesRequest(round_id="r-000000000001"))
    (price,) = told.prices
    assert (price.sku, price.price_micros, price.demand_count) == (
        "shirt",
        5_950_000,
        1,
    )
    place = demand("d1").location
    assert price.cell == h3.latlng_to_cell(place.latitude, place.longitude, 7)
    assert "Marginal values of one round" in told.method
    assert told.gap_micros == 0


async def test_a_list_of_prices_stays_with_its_round(api: Api):
    """The second page is of the round of the first, though another came between."""
    await activate(api)
    await upsert(api, demand("d1", 0.0), demand("d2", 40_000))
    items = [return_item(f"r{n}", n * 1_000.0) for n in range(4)]
    await submit(api, *items)
    await api(matches.RunRoundRequest())
    request = pb.GetShadowPricesRequest(view=pb.PRICE_VIEW_DEMAND, page_size=1)
    first = await api(request)
    await upsert(api, demand("d3", 1_000))
    await api(matches.RunRoundRequest())
    request.page_token = first.next_page_token
    second = await api(request)
    assert (first.round_id, second.round_id) == ("r-000000000001", "r-000000000001")
    assert {first.prices[0].demand_id, second.prices[0].demand_id} == {"d1", "d2"}


async def test_a_round_that_is_not_there_is_not_found(api: Api):
    """By its id, and the last one before the first."""
    for round_id in ("", "r-000000000009"):
        with pytest.raises(ApiError) as caught:
            await api(pb.GetShadowPricesRequest(round_id=round_id))
        assert caught.value.code is grpc.StatusCode.NOT_FOUND


async def test_the_control_group_is_what_each_shadow_says(api: Api, clock: HandClock):
    """
    Counts and sums by category and reason, added up one return at a time (R26, R31).

    Under rollout, cap and mode, with some that match, some that do not and some open.
    """
    steps = (
        policy(rollout_basis_points=5_000),
        policy(
            volume_cap=policy_pb2.VolumeCap(
                basis_points=5_000, window=Duration(seconds=3_600)
            )
        ),
        policy(mode=mode_pb2.MODE_SHADOW),
    )
    for number, terms in enumerate(steps):
        await activate(api, terms)
        await upsert(api, *(demand(f"d{number}{n}", n * 9_000.0) for n in range(6)))
        first = number * 20
        places = ((n, n % 12 * 9_000.0) for n in range(first, first + 20))
        await submit(api, *(return_item(f"r{n}", east_m) for n, east_m in places))
        await api(matches.RunRoundRequest())
        clock.now_us += HOUR_US
    await submit(api, return_item("late"))
    met = Counter[str]()
    for version in range(1, len(steps) + 1):
        expected = await naive_control(api, version)
        report = await api(pb.GetRolloutReportRequest(policy_version=version))
        told = {
            (group.category, group.kept_out): Counter(
                control=group.control_count,
                matched=group.would_have_matched.count,
                asked=group.would_have_matched.sample_size,
                open=group.open_count,
                skipped=group.skipped_count,
                saving=group.saving_micros.value,
                distance=group.distance_sum_m,
            )
            for group in report.control_groups
        }
        assert {key: +figures for key, figures in told.items()} == expected
        for group in report.control_groups:
            assert group.saving_micros.method.startswith("Estimate.")
            assert group.saving_micros.sample_size == group.would_have_matched.count
        for (_, code), figures in expected.items():
            met.update([decision_pb2.ReasonCode.Name(code), *figures])
    assert {
        "REASON_CODE_NOT_IN_ROLLOUT",
        "REASON_CODE_VOLUME_CAP_REACHED",
        "REASON_CODE_SHADOW_MODE",
        "matched",
        "open",
    } <= set(met)


async def test_whom_the_mode_alone_keeps_out_is_eligible(api: Api):
    """As with rollout and cap: nothing about the return stands in the way (R25)."""
    await activate(api, policy(mode=mode_pb2.MODE_SHADOW))
    damaged = return_item("r2")
    damaged.attributes.damaged = item_pb2.FACT_YES
    await submit(api, return_item("r1"), damaged)
    report = await api(pb.GetRolloutReportRequest())
    assert report.total.eligible.count == 1


async def test_a_place_under_a_match_limit_has_its_price(api: Api):
    """By its name, with what it had left; in micros, which the answer says (R26)."""
    limit = match_limit_pb2.MatchLimit(
        scope=match_limit_pb2.LIMIT_SCOPE_DAY, count_max=1
    )
    await activate(api, policy(match_limits=[limit]))
    await upsert(api, demand("d1", 0.0), demand("d2", 1_000))
    await submit(api, return_item("r1"), return_item("r2", 2_000))
    await api(matches.RunRoundRequest())
    told = await api(pb.GetShadowPricesRequest(view=pb.PRICE_VIEW_LIMIT))
    (price,) = told.prices
    assert (price.limit[:4], price.left_count) == ("DAY/", 1)
    # One match more: r2 with d2, 1 km apart.
    assert price.price_micros == 5_990_000
    assert told.objective == match_limit_pb2.OBJECTIVE_MAX_SAVING
    assert "under match limits" in told.method
