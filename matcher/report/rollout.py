"""The report of a policy version: how far its items came, and on what evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from matcher.domain.policy import Policy
from matcher.domain.program import ProgramEvent
from matcher.domain.shadow import ShadowCount
from matcher.report.facts import FactGroup, RolloutFacts, RolloutQuery, SkuFacts
from matcher.report.funnel import Funnel, funnel_of
from matcher.report.gate import EvidenceFinding, evidence_findings, in_force_us
from matcher.report.share import wilson_interval

K = TypeVar("K", str, int)

#: How the estimates are made; they go with the figures wherever those go (R64).
SAVING_METHOD = (
    "Estimate. Sum over confirmed hand-overs of the price of the ordinary way (the "
    "trip to a warehouse, processing, and shipping the order from stock) less the "
    "price of the label, plus the worth of the buyer's priority, by the cost model of "
    "the version that matched. Only one of the two ways is gone, so the other is never "
    "measured."
)
HELD_METHOD = (
    "Estimate, by the same prices, of matches that are held: neither confirmed yet nor "
    "released or run out, as each of them may still be."
)
RECOVERED_METHOD = (
    "Estimate. Confirmed hand-overs less those known to be lost or refused: each "
    "served an order that waited. Whether the order would have been lost otherwise is "
    "not known."
)
AVOIDED_METHOD = (
    "Estimate. Sum over recovered sales of great-circle metres from the item to the "
    "warehouse that it would have gone to, less metres to its buyer. The shipment from "
    "stock to the buyer, which falls away too, is not counted, nor are roads; items "
    "without a stored warehouse are left out. Great-circle metres are off by at most "
    "0.56 %."
)
CONTROL_METHOD = (
    "Estimate. Each return was asked about in rounds beside the real ones, by the same "
    "prices and the same solver, with the units that the real round left over, less "
    "those that earlier ones of the control group would have had. It is on the low "
    "side: a real return that it would have displaced is not displaced."
)


@dataclass(frozen=True, slots=True)
class Distribution:
    """Mean, quantiles by nearest rank, and largest of some values; 0 without any."""

    count: int
    mean: float
    p50: int
    p95: int
    largest: int


@dataclass(frozen=True, slots=True)
class SkuLine:
    """
    A SKU, its return rate now and before, and whether it rises.

    It rises if, were both spans alike, so many of its returns would fall into the
    later one in fewer than 2.5 % of cases.
    """

    facts: SkuFacts
    recent_per_day: float
    previous_per_day: float
    is_rising: bool


@dataclass(frozen=True, slots=True)
class RolloutReport:
    """The report; ``by_category`` and ``by_reason`` are by name and by number."""

    total: Funnel
    by_category: tuple[tuple[str, Funnel], ...]
    by_reason: tuple[tuple[int, Funnel], ...]
    skus: tuple[SkuLine, ...]
    distance_m: Distribution
    wait_us: Distribution
    in_force_us: int
    evidence: tuple[EvidenceFinding, ...]
    control: tuple[ShadowCount, ...] = ()

    @property
    def is_evidence_met(self) -> bool:
        """Whether something was asked for, and all of it is met."""
        return bool(self.evidence) and all(each.is_met for each in self.evidence)


def rollout_report(
    query: RolloutQuery,
    facts: RolloutFacts,
    policy: Policy | None,
    events: Iterable[ProgramEvent],
    now_us: int,
    control: Iterable[ShadowCount] = (),
) -> RolloutReport:
    """
    Make the report of a policy version.

    Parameters
    ----------
    query
        What the facts are about.
    facts
        Counts of one commit.
    policy
        The version; ``None`` for returns that met no policy.
    events
        The program's log from its beginning.
    now_us
        Instant of the report, microseconds since the epoch.
    control
        The control group of the version.
    """
    total = funnel_of(facts.groups)
    spell_us = in_force_us(events, query.policy_version, now_us)
    thresholds = policy.evidence_thresholds if policy else None
    return RolloutReport(
        total=total,
        by_category=tuple(_by(facts.groups, lambda group: group.category)),
        by_reason=tuple(_by(facts.groups, lambda group: int(group.reason))),
        skus=tuple(_sku_line(each, query.rate_span_us) for each in facts.skus),
        distance_m=_distribution(facts.distances_m),
        wait_us=_distribution(facts.waits_us),
        in_force_us=spell_us,
        evidence=evidence_findings(thresholds, total, spell_us),
        control=tuple(control),
    )


def _by(
    groups: Iterable[FactGroup], key: Callable[[FactGroup], K]
) -> list[tuple[K, Funnel]]:
    found: dict[K, Funnel] = {}
    for group in groups:
        found.setdefault(key(group), Funnel()).add(group)
    return sorted(found.items(), key=lambda entry: entry[0])


def _sku_line(facts: SkuFacts, span_us: int) -> SkuLine:
    days = span_us / 86_400_000_000
    both = facts.recent_count + facts.previous_count
    low, _ = wilson_interval(facts.recent_count, both)
    return SkuLine(
        facts,
        facts.recent_count / days,
        facts.previous_count / days,
        both > 0 and low > 1 / 2,
    )


def _distribution(values: Sequence[int]) -> Distribution:
    if not values:
        return Distribution(0, 0.0, 0, 0, 0)
    ordered = np.sort(np.array(values, np.int64))
    count = len(ordered)
    # Nearest rank: the least value that so many hundredths do not exceed.
    p50, p95 = (int(ordered[-(-share * count // 100) - 1]) for share in (50, 95))
    mean = sum(values) / count
    return Distribution(count, mean, p50, p95, int(ordered[-1]))
