"""Every metric of the server, in one registry: what happened, counted as it happens."""

from __future__ import annotations

from itertools import pairwise

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from matcher.domain.decision import Outcome
from matcher.domain.ids import TenantId
from matcher.domain.reason import ReasonCode
from matcher.engine.records import RoundRecord
from matcher.engine.stages import Stage
from server.runtime.watch import GroupTimes
from server.telemetry.state_collector import StateCollector, Stated

_SECOND_NS = 1_000_000_000

#: Of calls and commits: from under a millisecond to a minute.
_LATENCY_S = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_FAULTS = frozenset({"INTERNAL", "UNKNOWN", "DATA_LOSS"})
_GROUP_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000)


class Metrics:
    """
    The registry, and what is counted.

    Labels are methods, status codes, outcomes, reasons and stages: sets that the
    program knows. No id and no place is one; tenants are labels of a few, as many as
    the server is to serve.

    Parameters
    ----------
    stated
        How the server stands, asked at each scrape.
    version
        Of the program.
    """

    def __init__(self, stated: Stated, version: str) -> None:
        # When each series began is one more series, which nobody here asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self.build = Gauge(
            "nearturn_build_info",
            "Always 1; the version is its label.",
            ["version"],
            registry=registry,
        )
        self.build.labels(version).set(1)
        self._add_calls(registry)
        self._add_groups(registry)
        self._add_decisions(registry)
        self._add_rounds(registry)
        registry.register(StateCollector(stated))

    def _add_calls(self, registry: CollectorRegistry) -> None:
        self.calls = Histogram(
            "nearturn_rpc_duration_seconds",
            "Calls that ended, by method and status code.",
            ["method", "code"],
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.faults = Counter(
            "nearturn_internal_errors",
            "Calls that ended with a fault of ours: INTERNAL, UNKNOWN or DATA_LOSS.",
            registry=registry,
        )
        self.in_flight = Gauge(
            "nearturn_rpcs_in_flight",
            "Calls under way, streams among them.",
            registry=registry,
        )

    def _add_groups(self, registry: CollectorRegistry) -> None:
        self.waits = Histogram(
            "nearturn_queue_wait_seconds",
            "How long each write waited for the engine.",
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.refusals = Counter(
            "nearturn_queue_refusals",
            "Writes refused by a queue that is full, or too slow for a deadline.",
            registry=registry,
        )
        self.tenant_refusals = Counter(
            "nearturn_tenant_queue_refusals",
            "The same, by tenant.",
            ["tenant"],
            registry=registry,
        )
        self.tenant_engine = Counter(
            "nearturn_tenant_engine_seconds",
            "How long the engine worked for each tenant.",
            ["tenant"],
            registry=registry,
        )
        self.engine = Histogram(
            "nearturn_engine_duration_seconds",
            "How long the engine worked on each group of writes.",
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.commits = Histogram(
            "nearturn_commit_duration_seconds",
            "How long each transaction took.",
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.group_sizes = Histogram(
            "nearturn_commit_group_size",
            "Writes in each transaction.",
            buckets=_GROUP_SIZES,
            registry=registry,
        )
        self.given_up = Counter(
            "nearturn_groups_given_up",
            "Groups of writes of which nothing happened: the store did not take them.",
            registry=registry,
        )

    def _add_decisions(self, registry: CollectorRegistry) -> None:
        self.decisions = Counter(
            "nearturn_decisions",
            "Decisions stored, by outcome.",
            ["outcome"],
            registry=registry,
        )
        self.reasons = Counter(
            "nearturn_decision_reasons",
            "Reasons of those decisions; a decision may have several.",
            ["outcome", "reason"],
            registry=registry,
        )
        self.unexplained = Counter(
            "nearturn_unexplained_decisions",
            "Decisions without a reason. Any is a fault of ours.",
            registry=registry,
        )
        # From the start, so that a rate over the first of each is not lost.
        for outcome in Outcome:
            if outcome:
                self.decisions.labels(outcome.name)
        down = ReasonCode.PLANNING_UNAVAILABLE
        self.reasons.labels(Outcome.WAREHOUSE.name, down.name)

    def _add_rounds(self, registry: CollectorRegistry) -> None:
        self.rounds = Histogram(
            "nearturn_round_duration_seconds",
            "Rounds, from their begin to their stored end.",
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.round_failures = Counter(
            "nearturn_round_failures",
            "Rounds that ended without an answer.",
            registry=registry,
        )
        self.stages = Histogram(
            "nearturn_round_stage_duration_seconds",
            "Stages of rounds: collect, solve, check, prove, shadows, finish.",
            ["stage"],
            buckets=_LATENCY_S,
            registry=registry,
        )
        for stage in Stage:
            self.stages.labels(stage.value)
        self.candidates = Counter(
            "nearturn_round_candidates",
            "Pairs that rounds chose from.",
            registry=registry,
        )
        self.matches = Counter(
            "nearturn_round_matches", "Matches that rounds made.", registry=registry
        )
        self.dropped = Counter(
            "nearturn_round_dropped_matches",
            "Matches that something changed under while the round was solved.",
            registry=registry,
        )
        self.saving = Counter(
            "nearturn_round_saving_micros",
            "What rounds saved, in millionths of the currency.",
            registry=registry,
        )
        self.unproven = Counter(
            "nearturn_unproven_rounds",
            "Rounds that ran out of time: their answer may not be the best.",
            registry=registry,
        )
        self.gap = Gauge(
            "nearturn_last_round_gap_micros",
            "How much more the last round could have saved at most; 0 is proven best.",
            registry=registry,
        )
        self.last_round = Gauge(
            "nearturn_last_round_timestamp_seconds",
            "When the last round began.",
            registry=registry,
        )

    def call(self, method: str, code: str, taken_s: float) -> None:
        """Count a call that has ended."""
        self.in_flight.dec()
        self.calls.labels(method, code).observe(taken_s)
        if code in _FAULTS:
            self.faults.inc()

    def group(self, group: GroupTimes) -> None:
        """Count a group, and the decisions and rounds that it stored."""
        for queued_ns in group.queued_ns:
            self.waits.observe((group.begun_ns - queued_ns) / _SECOND_NS)
        if group.is_given_up:
            self.given_up.inc()
            return
        ran_ns = group.ran_ns[-1] if group.ran_ns else group.begun_ns
        self.engine.observe((ran_ns - group.begun_ns) / _SECOND_NS)
        self._engine_times(group)
        if not group.is_stored:
            return
        self.commits.observe((group.ended_ns - ran_ns) / _SECOND_NS)
        self.group_sizes.observe(len(group.queued_ns))
        for (outcome, codes), count in group.decided.items():
            self._count(outcome, codes, count)
        for record in group.rounds:
            self._round(record)

    def refused(self, tenant: TenantId) -> None:
        """Count work that a tenant's queue refused."""
        self.refusals.inc()
        self.tenant_refusals.labels(tenant).inc()

    def _engine_times(self, group: GroupTimes) -> None:
        pieces = pairwise([group.begun_ns, *group.ran_ns])
        # What was given up half-way has fewer ends than pieces.
        for tenant, (begun_ns, end_ns) in zip(group.tenants, pieces, strict=False):
            spent_s = (end_ns - begun_ns) / _SECOND_NS
            self.tenant_engine.labels(tenant).inc(spent_s)

    def _count(
        self, outcome: Outcome, codes: tuple[ReasonCode, ...], count: int
    ) -> None:
        self.decisions.labels(outcome.name).inc(count)
        for code in codes:
            self.reasons.labels(outcome.name, code.name).inc(count)
        if not any(codes):
            self.unexplained.inc(count)

    def _round(self, record: RoundRecord) -> None:
        gap = record.dual_micros - record.saving_micros
        self.candidates.inc(record.candidate_count)
        self.matches.inc(record.matched_count)
        self.dropped.inc(record.dropped_count)
        self.saving.inc(record.saving_micros)
        self.unproven.inc(gap > 0)
        self.gap.set(gap)
        self.last_round.set(record.started_us / 1_000_000)
