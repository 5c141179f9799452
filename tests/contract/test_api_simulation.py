"""PolicyService: what policies would have done."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from nearturn.v1 import decision_pb2, guardrail_pb2, item_outcome_pb2
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import simulation_pb2 as pb
from tests.contract.api_target import TENANT, Api, ApiError, HandClock
from tests.contract.messages import (
    activate,
    demand,
    policy,
    return_item,
    submit,
    timestamp,
    upsert,
)
from tests.scenarios import HOUR_US, MINUTE_US, NOW_US

RADIUS = "categories[apparel].radius_m"

GENERATED = pb.GeneratedPeriod(
    seed=3, return_count=300, demand_count=300, city_count=2, country_code="DE"
)


async def _hour(api: Api, clock: HandClock) -> None:
    # Buyers at 1, 9 and 20 km, returns at home; the first match is confirmed.
    await activate(api)
    await upsert(api, demand("d1", 1_000), demand("d2", 9_000), demand("d3", 20_000))
    clock.now_us += MINUTE_US
    await submit(api, return_item("r1"), return_item("r2"), return_item("r3"))
    clock.now_us += MINUTE_US
    await api(matches.RunRoundRequest())
    clock.now_us += MINUTE_US
    await api(matches.ConfirmMatchRequest(match_id="m-000000000001"))
    clock.now_us += HOUR_US // 2


def _recorded(**fields: Any) -> pb.SimulatePolicyRequest:
    period = pb.RecordedPeriod(start_time=timestamp(NOW_US - HOUR_US))
    return pb.SimulatePolicyRequest(recorded=period, **fields)


async def _run(
    api: Api, request: pb.SimulatePolicyRequest
) -> tuple[pb.SimulationSummary, list[pb.VariantReport], list[pb.VariantDifferences]]:
    summary, reports, differences = pb.SimulationSummary(), [], []
    async for event in api.stream(request):
        match event.WhichOneof("event"):
            case "summary":
                summary = event.summary
            case "report":
                reports.append(event.report)
            case "differences":
                differences.append(event.differences)
    return summary, reports, differences


async def _refused(api: Api, request: pb.SimulatePolicyRequest) -> ApiError:
    with pytest.raises(ApiError) as refused:
        await _run(api, request)
    return refused.value


async def test_what_was_in_force_ends_as_it_happened(api: Api, clock: HandClock):
    """Every return item is reproduced; the rounds are proven; nothing live changes."""
    await _hour(api, clock)
    before = await api.stored_counts()
    summary, (fact, lived), _ = await _run(api, _recorded())
    assert (summary.return_count, summary.reproduced_count) == (3, 3)
    assert not summary.rounds_by_policy
    assert fact.name == "as it happened"
    assert lived.name == "in force"
    assert fact.total == lived.total
    assert lived.total.matched_count == 3
    assert not fact.HasField("certificates")
    assert lived.certificates.round_count == lived.certificates.verified_count == 1
    assert lived.certificates.dual_micros == lived.total.saving_micros > 0
    assert not lived.moves
    assert await api.stored_counts() == before


async def test_rounds_are_proven_one_by_one(api: Api, clock: HandClock):
    """Only if asked, of what was lived and not of what happened."""
    await _hour(api, clock)
    found = [
        event.rounds
        async for event in api.stream(_recorded(with_rounds=True))
        if event.WhichOneof("event") == "rounds"
    ]
    ((one,),) = [each.rounds for each in found]
    assert [each.name for each in found] == ["in force"]
    assert one.start_time == timestamp(NOW_US + 2 * MINUTE_US)
    assert (one.return_count, one.candidate_count, one.matched_count) == (3, 9, 3)
    assert one.primal_value == one.dual_value == one.saving_micros > 0
    events = [each async for each in api.stream(_recorded())]
    assert "rounds" not in [each.WhichOneof("event") for each in events]


async def test_a_sweep_shows_what_each_value_would_have_done(
    api: Api, clock: HandClock
):
    """A narrower radius loses the buyers beyond it, return item by return item."""
    await _hour(api, clock)
    sweep = pb.FieldSweep(path=RADIUS, values=["500", "2000", "10000", "50000"])
    request = _recorded(sweeps=[sweep], with_differences=True)
    summary, reports, differences = await _run(api, request)
    swept = reports[2:]
    assert [each.total.matched_count for each in swept] == [0, 1, 2, 3]
    assert [dict(each.values) for each in swept] == [
        {RADIUS: value} for value in sweep.values
    ]
    assert summary.pair_count == 9
    first = swept[0]
    assert sum(move.return_count for move in first.moves) == 3
    waits = decision_pb2.REASON_CODE_OUT_OF_RADIUS
    assert waits not in [each.code for each in fact_codes(reports[0])]
    assert first.saving_micros_more_per_return.value < 0
    by_name = {each.name: each.differences for each in differences}
    assert len(by_name[first.name]) == 3
    assert swept[3].name not in by_name
    told = by_name[first.name][0]
    assert told.return_id == "r1"
    assert told.before.demand_id
    assert not told.after.demand_id
    assert told.after.ending == pb.SIMULATED_ENDING_WAITING


def fact_codes(report: pb.VariantReport) -> list[decision_pb2.ReasonCount]:
    """Return the reasons of a report."""
    return list(report.total.reason_counts)


async def test_two_sweeps_are_crossed(api: Api, clock: HandClock):
    """Every combination, in order; durations and enums in their JSON form."""
    await _hour(api, clock)
    request = _recorded(
        sweeps=[
            pb.FieldSweep(path="hold_duration", values=['"600s"', '"7200s"']),
            pb.FieldSweep(
                path="categories[*].match_key",
                values=['"MATCH_KEY_SKU"', '"MATCH_KEY_CATEGORY"'],
            ),
        ]
    )
    _, reports, _ = await _run(api, request)
    # A map of a message has no order of its own.
    paths = [sweep.path for sweep in request.sweeps]
    assert [[each.values[path] for path in paths] for each in reports[2:]] == [
        ['"600s"', '"MATCH_KEY_SKU"'],
        ['"600s"', '"MATCH_KEY_CATEGORY"'],
        ['"7200s"', '"MATCH_KEY_SKU"'],
        ['"7200s"', '"MATCH_KEY_CATEGORY"'],
    ]


async def test_variants_are_drafts_and_versions(api: Api, clock: HandClock):
    """Each by its name; a version in force does what was in force."""
    await _hour(api, clock)
    closed = policy(rollout_basis_points=0)
    request = _recorded(
        variants=[
            pb.PolicyVariant(name="same", version=0),
            pb.PolicyVariant(name="closed", policy=closed),
        ]
    )
    _, reports, _ = await _run(api, request)
    assert [each.name for each in reports[2:]] == ["same", "closed"]
    same, closed_report = reports[2:]
    assert not same.moves
    assert closed_report.total.matched_count == 0
    (reason,) = fact_codes(closed_report)
    assert reason.code == decision_pb2.REASON_CODE_NOT_IN_ROLLOUT
    assert reason.decision_count == closed_report.total.eligible_count == 3


async def test_guardrails_pause_by_what_a_variant_does(api: Api, clock: HandClock):
    """A hand-over is lost: nothing was paused in fact, a draft that bears none pauses.

    Its threshold is swept; a sample of two is not there, so that one pauses nothing.
    """
    await _hour(api, clock)
    lost = item_outcome_pb2.ItemOutcome(
        arrival=item_outcome_pb2.ARRIVAL_LOST, occurred_time=timestamp(clock.now_us)
    )
    await api(matches.RecordOutcomeRequest(match_id="m-000000000001", outcome=lost))
    clock.now_us += MINUTE_US
    guardrail = guardrail_pb2.Guardrail(
        metric=guardrail_pb2.GUARDRAIL_METRIC_LOST_SHARE,
        sample_size_min=1,
        window=Duration(seconds=86_400),
    )
    draft = pb.PolicyVariant(name="draft", policy=policy(guardrails=[guardrail]))
    sweep = pb.FieldSweep(
        path="guardrails[LOST_SHARE].sample_size_min", values=["1", "2"]
    )
    summary, reports, _ = await _run(api, _recorded(variants=[draft], sweeps=[sweep]))
    pauses = [list(each.guardrail_pauses) for each in reports]
    assert [len(each) for each in pauses] == [0, 0, 1, 1, 0]
    ((pause,),) = pauses[2:3]
    assert not pause.category
    assert pause.start_time == timestamp(clock.now_us - MINUTE_US)
    assert "1 of 1 hand-overs" in pause.note
    assert any("counts for nothing" in line for line in summary.methods)


async def test_pauses_in_force_are_told_as_they_were(api: Api, clock: HandClock):
    """What a guardrail paused in fact stands in both first reports, word for word."""
    guardrail = guardrail_pb2.Guardrail(
        category="apparel",
        metric=guardrail_pb2.GUARDRAIL_METRIC_LOST_SHARE,
        sample_size_min=1,
        window=Duration(seconds=86_400),
    )
    await activate(api, policy(guardrails=[guardrail]))
    await upsert(api, demand("d1", 1_000))
    await submit(api, return_item("r1"))
    await api(matches.RunRoundRequest())
    await api(matches.ConfirmMatchRequest(match_id="m-000000000001"))
    lost = item_outcome_pb2.ItemOutcome(
        arrival=item_outcome_pb2.ARRIVAL_LOST, occurred_time=timestamp(clock.now_us)
    )
    await api(matches.RecordOutcomeRequest(return_id="r1", outcome=lost))
    paused_us, clock.now_us = clock.now_us, clock.now_us + MINUTE_US
    await submit(api, return_item("r2"))
    clock.now_us += MINUTE_US
    summary, (fact, lived), _ = await _run(api, _recorded())
    assert summary.reproduced_count == 2
    assert fact.guardrail_pauses == lived.guardrail_pauses
    (pause,) = lived.guardrail_pauses
    assert (pause.category, pause.start_time) == ("apparel", timestamp(paused_us))
    reasons = [each.code for each in fact_codes(lived)]
    assert decision_pb2.REASON_CODE_PROGRAM_PAUSED in reasons


async def test_what_came_in_before_is_not_counted(api: Api, clock: HandClock):
    """It takes part all the same: its buyer is taken."""
    await _hour(api, clock)
    await submit(api, return_item("r4"))
    period = pb.RecordedPeriod(start_time=timestamp(NOW_US + 10 * MINUTE_US))
    summary, reports, _ = await _run(api, pb.SimulatePolicyRequest(recorded=period))
    assert summary.return_count == summary.reproduced_count == 0
    clock.now_us += MINUTE_US
    summary, reports, _ = await _run(api, pb.SimulatePolicyRequest(recorded=period))
    assert summary.return_count == summary.reproduced_count == 1
    assert reports[1].total.undecided_count == 1


async def test_what_came_after_the_end_is_left_out(api: Api, clock: HandClock):
    """Later items, their matches, and later matches of an item that waited then."""
    await _hour(api, clock)
    await upsert(api, demand("far", 60_000))
    await submit(api, return_item("waits"))
    await api(matches.RunRoundRequest())
    clock.now_us += MINUTE_US
    request = _recorded(
        sweeps=[pb.FieldSweep(path=RADIUS, values=["100000"])], with_differences=True
    )
    request.recorded.end_time.CopyFrom(timestamp(clock.now_us))
    before = [each async for each in api.stream(request)]
    await upsert(api, demand("d4", 1_000), demand("d5", 2_000))
    await submit(api, return_item("late"))
    clock.now_us += MINUTE_US
    made = await api(matches.RunRoundRequest())
    assert made.round.matched_count == 2
    # Of the one that waited, whose buyer nobody knew at the end, and of the other.
    await api(matches.ConfirmMatchRequest(match_id="m-000000000004"))
    await api(matches.ReleaseMatchRequest(match_id="m-000000000005"))
    clock.now_us += MINUTE_US
    assert [each async for each in api.stream(request)] == before
    (swept,) = [each.report for each in before if each.report.values]
    assert swept.total.matched_count == 4


async def test_groups_add_up(api: Api, clock: HandClock):
    """By category, SKU, zone and day; what is not named stands under no name."""
    await _hour(api, clock)
    await submit(api, return_item("r5", 30_000, sku="coat"))
    clock.now_us += MINUTE_US
    _, reports, _ = await _run(api, _recorded(group_count_max=1, zone_resolution=7))
    for kind in pb.GroupKind.values()[1:]:
        groups = [each for each in reports[1].groups if each.kind == kind]
        assert sum(each.tally.return_count for each in groups) == 4
        assert sum(each.tally.matched_count for each in groups) == 3
    skus = [g.name for g in reports[1].groups if g.kind == pb.GROUP_KIND_SKU]
    assert skus == ["shirt", ""]
    (zone, _) = [g for g in reports[1].groups if g.kind == pb.GROUP_KIND_ZONE]
    assert len(zone.name) == 15


async def test_a_drawn_market_is_the_same_every_time(api: Api):
    """The same description and policies give the same reports; progress comes first."""
    document = policy()
    document.categories[0].verification_max_age.seconds = 90 * 86_400
    variant = pb.PolicyVariant(name="wide", policy=document)
    request = pb.SimulatePolicyRequest(
        generated=GENERATED,
        variants=[variant],
        sweeps=[pb.FieldSweep(path=RADIUS, values=["1000"])],
    )
    one, other = await _run(api, request), await _run(api, request)
    assert one == other
    summary, (wide, narrow), _ = one
    assert summary.return_count == 300
    assert not summary.HasField("replay_start_time") or summary.start_time
    assert 0 < narrow.total.matched_count < wide.total.matched_count
    stages = [
        event.progress.stage
        async for event in api.stream(request)
        if event.HasField("progress")
    ]
    assert list(dict.fromkeys(stages)) == [
        "waiting",
        "history",
        "pairs",
        "gates",
        "variants",
    ]


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        (
            {"sweeps": [pb.FieldSweep(path="radius", values=["1"])]},
            "sweeps",
            "radius = 1",
        ),
        (
            {"sweeps": [pb.FieldSweep(path="categories[x].radius_m", values=["1"])]},
            "sweeps[0].path",
            "apparel",
        ),
        (
            {"sweeps": [pb.FieldSweep(path="a..b", values=["1"])]},
            "sweeps[0].path",
            "a..b",
        ),
        (
            {"sweeps": [pb.FieldSweep(path="owner.name", values=["1"])]},
            "sweeps[0].path",
            "owner.name",
        ),
        (
            {"sweeps": [pb.FieldSweep(path=RADIUS, values=["wide"])]},
            "sweeps[0].values",
            "JSON",
        ),
        (
            {"sweeps": [pb.FieldSweep(path=RADIUS, values=["NaN"])]},
            "sweeps",
            "NaN",
        ),
        (
            {"sweeps": [pb.FieldSweep(path=RADIUS, values=["600000"])]},
            f"sweeps ({RADIUS} = 600000): categories[0].radius_m",
            "500,000",
        ),
        (
            {
                "sweeps": [
                    pb.FieldSweep(path=RADIUS, values=["1"] * 21),
                    pb.FieldSweep(path="round_size", values=["1"] * 20),
                ]
            },
            "sweeps",
            "420 combinations",
        ),
        (
            {
                "variants": [
                    pb.PolicyVariant(name="a", version=0),
                    pb.PolicyVariant(name="a", version=0),
                ]
            },
            "variants[1].name",
            "a name of its own",
        ),
        (
            {"variants": [pb.PolicyVariant(name="in force", version=0)]},
            "variants[0].name",
            "a name of its own",
        ),
    ],
)
async def test_faults_name_the_field(
    api: Api, clock: HandClock, fields: Any, field: str, value: str
):
    """Paths that lead nowhere, values that are none, combinations without end."""
    await _hour(api, clock)
    refused = await _refused(api, _recorded(**fields))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert value in refused.violations[field]


async def test_a_history_that_is_not_kept_is_not_found(api: Api, clock: HandClock):
    """Neither a version that is not there; a period has to end after it begins."""
    await _hour(api, clock)
    absent = pb.PolicyVariant(name="absent", version=9)
    refused = await _refused(api, _recorded(variants=[absent]))
    assert refused.code is grpc.StatusCode.NOT_FOUND
    await api.runtime.keep_history(TENANT)
    await api.runtime.read(lambda store: store.history(TENANT).forget(clock.now_us))
    refused = await _refused(api, _recorded())
    assert refused.code is grpc.StatusCode.NOT_FOUND
    assert "history" in str(refused)
    late = pb.RecordedPeriod(start_time=timestamp(clock.now_us + HOUR_US))
    refused = await _refused(api, pb.SimulatePolicyRequest(recorded=late))
    assert "recorded.start_time" in refused.violations


async def test_a_drawn_market_needs_a_policy(api: Api):
    """There is nothing in force that could be tried."""
    refused = await _refused(api, pb.SimulatePolicyRequest(generated=GENERATED))
    assert "variants" in refused.violations


async def test_a_reader_that_leaves_makes_room(api: Api):
    """The next simulation does not wait for one that nobody reads."""
    large = pb.GeneratedPeriod(return_count=20_000, demand_count=20_000)
    variants = [pb.PolicyVariant(name="any", policy=policy())]
    answers = api.stream(pb.SimulatePolicyRequest(generated=large, variants=variants))
    async for event in answers:
        if event.progress.stage == "history":
            break
    await answers.aclose()
    small = pb.SimulatePolicyRequest(generated=GENERATED, variants=variants)
    _, reports, _ = await _run(api, small)
    assert len(reports) == 1


async def test_windows_are_lived_by_the_policys_own_clock(api: Api, clock: HandClock):
    """A round interval that was not in force: rounds begin as it says."""
    await _hour(api, clock)
    every = policy(round_interval=Duration(seconds=300))
    request = _recorded(variants=[pb.PolicyVariant(name="every", policy=every)])
    summary, reports, _ = await _run(api, request)
    assert summary.rounds_by_policy
    assert reports[2].certificates.round_count >= 1
    assert reports[2].total.matched_count == 3
