"""A rollout report by looking at every return and every decision, one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from nearturn.v1 import (
    decision_pb2,
    item_outcome_pb2,
    item_pb2,
    return_item_pb2,
    shadow_pb2,
)
from nearturn.v1 import explain_service_pb2 as explain
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import return_service_pb2 as returns
from tests.contract.api_target import Api

_MATCHED = {
    return_item_pb2.RETURN_STATE_MATCHED,
    return_item_pb2.RETURN_STATE_CONFIRMED,
    return_item_pb2.RETURN_STATE_COMPLETED,
}
_CONFIRMED = _MATCHED - {return_item_pb2.RETURN_STATE_MATCHED}
_HOW_MANY = {
    decision_pb2.REASON_CODE_NOT_IN_ROLLOUT,
    decision_pb2.REASON_CODE_VOLUME_CAP_REACHED,
    decision_pb2.REASON_CODE_SHADOW_MODE,
}
_FAILED = decision_pb2.CHECK_RESULT_FAILED
_BAD = {
    item_outcome_pb2.BUYER_RESPONSE_COMPLAINED,
    item_outcome_pb2.BUYER_RESPONSE_REFUSED,
}


async def every_return(api: Api) -> list[Any]:
    """Return all return items, page by page."""
    found: list[Any] = []
    token = ""
    while True:
        page = await api(returns.ListReturnsRequest(page_size=50, page_token=token))
        found += page.return_items
        token = page.next_page_token
        if not token:
            return found


async def every_decision(api: Api) -> list[Any]:
    """Return all decisions in the order of their commits."""
    request = matches.WatchDecisionsRequest(stop_at_end=True)
    return [each.decision async for each in api.stream(request)]


async def naive_counts(api: Api, version: int) -> dict[str, Any]:
    """Return what the report of a version has to say, by plain counting."""
    decisions = await every_decision(api)
    counts: Counter[str] = Counter()
    fallback: Counter[int] = Counter()
    distances, waits = [], []
    for item in await every_return(api):
        own = [each for each in decisions if each.return_id == item.return_id]
        last = own[-1]
        if last.policy_version != version:
            continue
        judged = next(each for each in reversed(own) if each.checks)
        counts["submitted"] += 1
        _judge(counts, judged)
        state = return_item_pb2.ReturnState.Name(item.state)
        counts[state] += 1
        if item.state == return_item_pb2.RETURN_STATE_WAREHOUSE:
            fallback.update({reason.code for reason in last.reasons})
        if item.state in _MATCHED:
            distances.append(last.match.distance_m)
            seconds = last.decide_time.ToMicroseconds() - (
                item.create_time.ToMicroseconds()
            )
            waits.append(seconds / 1e6)
        if item.state == return_item_pb2.RETURN_STATE_MATCHED:
            counts["held"] += 1
            counts["held saving"] += last.match.saving_micros
        if item.state in _CONFIRMED:
            _outcome(counts, item, last)
    return {
        "counts": dict(counts),
        "fallback": dict(fallback),
        "distances": sorted(distances),
        "waits": sorted(waits),
    }


def _judge(counts: Counter[str], decision: Any) -> None:
    failed = [check for check in decision.checks if check.result == _FAILED]
    verified = all(c.gate != decision_pb2.GATE_VERIFICATION for c in failed)
    of_rules = [c for c in failed if c.gate == decision_pb2.GATE_ELIGIBILITY]
    eligible = verified and all(check.reason in _HOW_MANY for check in of_rules)
    counts["verified"] += verified
    counts["eligible"] += eligible


def _outcome(counts: Counter[str], item: Any, decision: Any) -> None:
    counts["saving"] += decision.match.saving_micros
    lost = refused = False
    if item.HasField("item_outcome"):
        said = item.item_outcome
        lost = said.arrival == item_outcome_pb2.ARRIVAL_LOST
        refused = said.buyer_response == item_outcome_pb2.BUYER_RESPONSE_REFUSED
        counts["known"] += 1
        counts["lost"] += lost
        counts["responded"] += said.buyer_response != 0
        counts["complained"] += said.buyer_response in _BAD
        counts["graded"] += said.condition != item_pb2.CONDITION_UNSPECIFIED
        counts["worse"] += 0 < said.condition < item.condition
    if not lost and not refused:
        counts["recovered"] += 1
        if decision.fallback.warehouse_id:
            counts["avoided count"] += 1
            way = decision.fallback.distance_m - decision.match.distance_m
            counts["avoided"] += way


def told_counts(report: Any) -> dict[str, Any]:
    """Return the same of a report."""
    total, outcomes = report.total, report.total.outcomes
    counts = {
        "submitted": total.submitted_count,
        "verified": total.verified.count,
        "eligible": total.eligible.count,
        "RETURN_STATE_WAITING": total.waiting_count,
        "RETURN_STATE_WAREHOUSE": total.warehouse_count,
        "RETURN_STATE_CANCELLED": total.cancelled_count,
        "RETURN_STATE_MATCHED": total.matched.count - total.confirmed.count,
        "RETURN_STATE_CONFIRMED": total.confirmed.count - total.completed.count,
        "RETURN_STATE_COMPLETED": total.completed.count,
        "saving": report.saving_micros.value,
        "held": report.held_saving_micros.sample_size,
        "held saving": report.held_saving_micros.value,
        "known": outcomes.known.count,
        "lost": outcomes.lost.count,
        "responded": outcomes.complained.sample_size,
        "complained": outcomes.complained.count,
        "graded": outcomes.not_as_verified.sample_size,
        "worse": outcomes.not_as_verified.count,
        "recovered": report.recovered_sale_count.value,
        "avoided count": report.avoided_distance_m.sample_size,
        "avoided": report.avoided_distance_m.value,
    }
    return {
        "counts": counts,
        "fallback": {each.code: each.decision_count for each in total.fallback_reasons},
    }


async def naive_control(api: Api, version: int) -> dict[tuple[str, int], Counter[str]]:
    """Add up what the shadow of each return says, under one version."""
    found: dict[tuple[str, int], Counter[str]] = {}
    for item in await every_return(api):
        request = explain.ExplainDecisionRequest(return_id=item.return_id)
        told = await api(request)
        shadow = told.shadow_result
        if not told.HasField("shadow_result") or shadow.policy_version != version:
            continue
        figures = found.setdefault((item.category, shadow.kept_out), Counter())
        ended = shadow.state in (
            shadow_pb2.SHADOW_STATE_MATCHED,
            shadow_pb2.SHADOW_STATE_UNMATCHED,
        )
        figures.update(
            control=1,
            asked=int(ended),
            matched=int(shadow.state == shadow_pb2.SHADOW_STATE_MATCHED),
            open=int(shadow.state == shadow_pb2.SHADOW_STATE_OPEN),
            skipped=int(shadow.state == shadow_pb2.SHADOW_STATE_SKIPPED),
            saving=shadow.saving_micros,
            distance=shadow.distance_m,
        )
    return {key: +figures for key, figures in found.items()}
