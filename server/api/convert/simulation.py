"""Results of simulations as messages."""

from __future__ import annotations

from collections.abc import Iterable

from matcher.domain.reason import ReasonCode
from matcher.simulate.whatif.course import Course, SolvedRound
from matcher.simulate.whatif.difference import ItemDifference, Side
from matcher.simulate.whatif.inquiry import Result
from matcher.simulate.whatif.interval import Interval
from matcher.simulate.whatif.tally import Quantiles, Tally
from nearturn.v1 import decision_pb2
from nearturn.v1 import simulation_pb2 as pb
from server.api.convert.times import to_timestamp

_SECOND_US = 1_000_000


def from_result(result: Result) -> pb.VariantReport:
    """Return a result as a report."""
    report = pb.VariantReport(
        name=result.name,
        values=dict(result.values),
        total=from_tally(result.total),
        groups=[
            pb.GroupTally(
                kind=pb.GroupKind.ValueType(dimension),
                name=name,
                tally=from_tally(each),
            )
            for dimension, name, each in result.groups
        ],
    )
    report.guardrail_pauses.extend(
        pb.SimulatedPause(
            category=each.category,
            note=each.note,
            start_time=to_timestamp(each.start_us),
        )
        for each in result.course.tripped
    )
    if result.course.round_count:
        report.certificates.CopyFrom(from_certificates(result.course))
    difference = result.difference
    if difference is not None:
        report.moves.extend(
            pb.EndingMove(
                before=pb.SimulatedEnding.ValueType(before),
                after=pb.SimulatedEnding.ValueType(after),
                return_count=count,
            )
            for before, after, count in difference.moves
        )
        report.other_buyer_count = difference.other_buyer_count
        more = from_interval(difference.saving_per_return)
        report.saving_micros_more_per_return.CopyFrom(more)
    return report


def from_tally(tally: Tally) -> pb.SimulationTally:
    """Return counts as a message."""
    waiting = tally.waiting_us
    seconds = Quantiles(waiting.p50 // _SECOND_US, waiting.p95 // _SECOND_US)
    return pb.SimulationTally(
        return_count=tally.return_count,
        eligible_count=tally.eligible_count,
        matched_count=tally.matched_count,
        warehouse_count=tally.warehouse_count,
        undecided_count=tally.undecided_count,
        match_rate=from_interval(tally.match_rate),
        saving_micros=tally.saving_micros,
        saving_micros_per_return=from_interval(tally.saving_per_return),
        distance_sum_m=tally.distance_sum_m,
        distance_m=_from_quantiles(tally.distance_m),
        waiting_seconds=_from_quantiles(seconds),
        reason_counts=[
            decision_pb2.ReasonCount(code=_code(code), decision_count=count)
            for code, count in tally.reasons
        ],
    )


def from_interval(interval: Interval) -> pb.Estimate:
    """Return an estimate as a message."""
    return pb.Estimate(value=interval.estimate, low=interval.low, high=interval.high)


def from_certificates(course: Course) -> pb.SimulatedCertificates:
    """Return what proves a course's rounds."""
    return pb.SimulatedCertificates(
        round_count=course.round_count,
        verified_count=len(course.rounds),
        saving_micros=sum(each.saving_micros for each in course.rounds),
        dual_micros=sum(each.dual for each in course.rounds),
    )


def from_rounds(name: str, rounds: Iterable[SolvedRound]) -> pb.VariantRounds:
    """Return the certificates of some rounds as one message."""
    return pb.VariantRounds(
        name=name,
        rounds=[
            pb.SimulatedRound(
                start_time=to_timestamp(each.at_us),
                return_count=each.return_count,
                candidate_count=each.candidate_count,
                matched_count=each.matched_count,
                saving_micros=each.saving_micros,
                primal_value=each.value,
                dual_value=each.dual,
            )
            for each in rounds
        ],
    )


def from_differences(
    name: str, differences: Iterable[ItemDifference]
) -> pb.VariantDifferences:
    """Return items that end otherwise as one message."""
    return pb.VariantDifferences(
        name=name,
        differences=[
            pb.ReturnDifference(
                return_id=each.return_id,
                before=_from_side(each.before),
                after=_from_side(each.after),
            )
            for each in differences
        ],
    )


def _from_side(side: Side) -> pb.SimulatedDecision:
    return pb.SimulatedDecision(
        ending=pb.SimulatedEnding.ValueType(side.ending),
        demand_id=side.demand_id,
        distance_m=side.distance_m,
        saving_micros=side.saving_micros,
        reasons=[_code(code) for code in side.reasons],
    )


def _from_quantiles(quantiles: Quantiles) -> pb.Quantiles:
    return pb.Quantiles(p50=quantiles.p50, p95=quantiles.p95)


def _code(code: ReasonCode) -> decision_pb2.ReasonCode.ValueType:
    return decision_pb2.ReasonCode.ValueType(code)
