"""A study told piece by piece, whoever asked for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice

from matcher.simulate.whatif.course import Course
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.inquiry import METHODS, Inquiry
from matcher.simulate.whatif.study import Study, Variant
from matcher.simulate.whatif.tally import Groups
from nearturn.v1 import simulation_pb2 as pb
from server.api.convert.simulation import from_differences, from_result, from_rounds
from server.api.convert.times import to_timestamp
from server.runtime.emitter import Outlet

#: Return items, or rounds, of one message.
_AT_ONCE = 1_000

#: Seconds between two messages of progress.
_PROGRESS_S = 0.5


@dataclass(frozen=True, slots=True)
class Trial:
    """The variants of a request, with the values of swept fields by their names."""

    variants: tuple[Variant, ...]
    values: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Terms:
    """
    How a study is run and told.

    Parameters
    ----------
    threads
        Variants that are lived side by side.
    zone_resolution, group_count_max
        As in :class:`matcher.simulate.whatif.tally.Groups`.
    with_differences
        Whether return items that end otherwise are told one by one.
    with_rounds
        Whether the certificate of each round is told.
    """

    threads: int
    zone_resolution: int
    group_count_max: int
    with_differences: bool
    with_rounds: bool


def tell(
    outlet: Outlet[pb.SimulatePolicyResponse],
    facts: Facts,
    trial: Trial,
    terms: Terms,
    happened: Callable[[Course], Course] | None = None,
) -> None:
    """
    Run a study and put out progress, a summary, and a report of each variant.

    ``happened`` makes what was decided in fact of the course under the first variant.
    """
    teller = _Teller(outlet)
    study = Study(
        facts,
        trial.variants,
        threads=terms.threads,
        progress=teller.progress,
        pulse=outlet.pause,
    )
    groups = Groups(
        facts,
        zone_resolution=terms.zone_resolution,
        group_count_max=terms.group_count_max,
    )
    inquiry = Inquiry(facts, study, groups, happened, trial.values)
    results = inquiry.results()
    # What was in force has been lived by then: how well it tells what happened.
    first = list(islice(results, 1 if happened is None else 2))
    summary = _summary(facts, study)
    if happened is not None and (difference := first[-1].difference):
        summary.reproduced_count = difference.same_count
    teller.say(summary=summary)
    for result in chain(first, results):
        teller.say(report=from_result(result))
        if terms.with_differences:
            found = inquiry.differences(result)
            while some := list(islice(found, _AT_ONCE)):
                teller.say(differences=from_differences(result.name, some))
        if terms.with_rounds:
            rounds = result.course.rounds
            for start in range(0, len(rounds), _AT_ONCE):
                some_rounds = rounds[start : start + _AT_ONCE]
                teller.say(rounds=from_rounds(result.name, some_rounds))


def _summary(facts: Facts, study: Study) -> pb.SimulationSummary:
    timeline = facts.timeline
    return pb.SimulationSummary(
        start_time=to_timestamp(max(timeline.count_from_us, timeline.start_us)),
        end_time=to_timestamp(timeline.end_us),
        replay_start_time=to_timestamp(timeline.start_us),
        return_count=len(facts.counted),
        demand_count=len(facts.orders.demand_ids),
        pair_count=study.pair_count,
        rounds_by_policy=study.rounds_by_policy,
        methods=METHODS.split("\n"),
    )


class _Teller:
    # Puts out messages; those of progress not too often.
    def __init__(self, outlet: Outlet[pb.SimulatePolicyResponse]) -> None:
        self._outlet = outlet
        self._said_s = float("-inf")
        self._stage = ""

    def say(self, **event: object) -> None:
        self._outlet.emit(pb.SimulatePolicyResponse(**event))  # type: ignore[arg-type]

    def progress(self, stage: str, done: int, total: int) -> None:
        now_s = time.monotonic()
        is_news = stage != self._stage or done == total
        if is_news or now_s - self._said_s >= _PROGRESS_S:
            self._stage, self._said_s = stage, now_s
            self.say(
                progress=pb.SimulationProgress(
                    stage=stage, done_count=done, total_count=total
                )
            )
