"""A policy in plain language and as a table, read off the gates as they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from matcher.domain.demand import Demand, DemandState
from matcher.domain.ids import DemandId, ReturnId, TenantId
from matcher.domain.item import (
    Condition,
    Fact,
    ItemAttributes,
    Verification,
    VerificationStatus,
)
from matcher.domain.latlng import LatLng
from matcher.domain.policy import CategoryRule, Policy
from matcher.domain.reason import Check, Gate, ReasonCode
from matcher.domain.return_item import ReturnItem, TransitState
from matcher.engine.demand_gate import state_demand
from matcher.engine.market import PoolItem, collect
from matcher.engine.network import Network
from matcher.engine.obstacles import Obstacles
from matcher.engine.open_demands import OpenDemands
from matcher.engine.records import DemandRecord
from matcher.explain.check_catalogue import CHECKS
from matcher.geo import ServiceAreas
from matcher.policy.eligibility import Surroundings
from matcher.policy.evidence import evidence_words
from matcher.policy.gates import evaluate_gates
from matcher.policy.guardrails import guardrail_lines
from matcher.policy.mode import mode_sentence
from matcher.policy.volume import Admission
from matcher.policy.words import (
    cap_words,
    duration_words,
    justification_words,
    limit_words,
    micros_words,
    objective_words,
    rollout_words,
    zones_words,
)

_ENTRIES = {entry.name: entry for entry in CHECKS}

_FRAME = (
    "An item may go to a buyer only if all of what follows holds. Whatever fails "
    "sends it to a warehouse, with the reason; so does the end of its time. Refund "
    "timing and terms are as for every return."
)


@dataclass(frozen=True, slots=True)
class TableRow:
    """What one check accepts; an empty category means every one."""

    gate: Gate
    check: str
    category: str
    accepted: str
    codes: tuple[ReasonCode, ...]


@dataclass(frozen=True, slots=True)
class Rendering:
    """A policy as a table, and the same as text."""

    rows: tuple[TableRow, ...]
    text: str


def render(policy: Policy, now_us: int) -> Rendering:
    """
    Say a policy in plain language.

    Parameters
    ----------
    policy
        The policy.
    now_us
        Instant for which it is said: the rollout may widen by itself.

    Returns
    -------
    Rendering
        Rows in the order in which the checks run, then by category. What a row accepts
        is what the gates themselves note when they judge an item, so that the table
        cannot say anything else than what is executed.
    """
    rows = tuple(_rows(_probe(policy, now_us)))
    return Rendering(rows, "\n".join(_lines(policy, rows)))


def _probe(policy: Policy, now_us: int) -> dict[str, dict[str, Check]]:
    # Judges, for each category, an item that has everything, beside a buyer for it.
    rules = sorted(policy.categories, key=lambda rule: rule.category)
    pool = [PoolItem(_item(rule, now_us), rule) for rule in rules]
    network = Network((), ServiceAreas.of(()))
    demands = OpenDemands(network)
    demands.update([_demand(rule, now_us) for rule in rules])
    market = collect(
        pool,
        demands,
        network,
        policy,
        remaining=np.empty(0, np.int64),
        now_us=now_us,
    )
    limits = Obstacles.of(policy)
    probes: dict[str, dict[str, Check]] = {}
    for row, entry in enumerate(pool):
        report = evaluate_gates(
            entry.item,
            policy,
            tenant=TenantId(""),
            surroundings=Surroundings(admission=Admission.ADMITTED),
            now_us=now_us,
        )
        checks = report.checks + state_demand(market, row, -1, limits).checks
        probes[entry.rule.category] = {check.name: check for check in checks}
    return probes


def _item(rule: CategoryRule, now_us: int) -> ReturnItem:
    return ReturnItem(
        return_id=ReturnId("probe"),
        order_id="probe",
        customer_id="probe",
        location=LatLng(0.0, 0.0),
        sku=rule.category,
        category=rule.category,
        decide_by_us=now_us + 1,
        reason=rule.reasons[0],
        condition=Condition.NEW,
        attributes=ItemAttributes(*[Fact.NO] * 6),
        verification=Verification(
            VerificationStatus.PASSED,
            evidence_id="probe",
            confidence=1.0,
            verify_us=now_us,
        ),
        customer_consents=True,
        transit_state=TransitState.WITH_CUSTOMER,
    )


def _demand(rule: CategoryRule, now_us: int) -> DemandRecord:
    demand = Demand(
        demand_id=DemandId(rule.category),
        location=LatLng(0.0, 0.0),
        sku=rule.category,
        category=rule.category,
        quantity=1,
        ship_by_us=2**63 - 1,
        min_condition=Condition.POOR,
        accepts_returned_item=True,
    )
    return DemandRecord(demand, DemandState.OPEN, 0, 0, 1, now_us, now_us)


def _rows(probes: dict[str, dict[str, Check]]) -> Iterator[TableRow]:
    for entry in CHECKS:
        accepted = {
            category: checks[entry.name].accepted
            for category, checks in probes.items()
            if entry.name in checks or not entry.is_optional
        }
        if len(set(accepted.values())) == 1:
            accepted = {"": next(iter(accepted.values()))}
        for category, words in accepted.items():
            yield TableRow(entry.gate, entry.name, category, words, entry.codes)


def _lines(policy: Policy, rows: Iterable[TableRow]) -> Iterator[str]:
    number = f"Version {policy.version}" if policy.version else "A draft"
    yield f"{number}, answered for by {policy.owner}."
    if policy.description:
        yield policy.description
    yield ""
    if not policy.categories:
        yield "No category is open: everything goes to a warehouse."
        return
    yield _FRAME
    common = [row for row in rows if not row.category]
    yield ""
    yield "For every category that is open:"
    yield from (_line(row) for row in common)
    for name in policy.category_names:
        own = [row for row in rows if row.category == name]
        rule = policy.rule_for(name)
        why = rule.justification if rule else None
        if own or why:
            yield ""
            yield f"For {name}:"
            yield from (_line(row) for row in own)
        if why:
            yield f"- Why: {justification_words(why)}."
    yield ""
    yield from _terms(policy)


def _line(row: TableRow) -> str:
    return f"- {_ENTRIES[row.check].sentence.format(accepted=row.accepted)}"


def _terms(policy: Policy) -> Iterator[str]:
    yield mode_sentence(policy.mode)
    yield f"Rollout: {rollout_words(policy)}; whoever is in stays in."
    yield f"Volume cap: {cap_words(policy.volume_cap)}."
    best = objective_words(policy.objective, policy.match_limits)
    yield f"Matches are made so that {best}."
    yield f"Match limits: {limit_words(policy.match_limits)}."
    yield from guardrail_lines(policy)
    yield f"A match is held for {duration_words(policy.hold_duration_us)}."
    when = [
        f"every {duration_words(policy.round_interval_us)}"
        for _ in range(policy.round_interval_us > 0)
    ]
    when += [
        f"as soon as {policy.round_size:,} items wait"
        for _ in range(policy.round_size > 0)
    ]
    yield f"Rounds: {' or '.join(when) or 'on request and before time is up'}."
    handling = duration_words(policy.handling_duration_us)
    yield f"A buyer's order has to ship more than {handling} after the decision."
    model = policy.cost_model
    yield f"All amounts are in {policy.currency_code}."
    if model.zones:
        yield f"A label to a buyer costs by zone: {zones_words(model.zones)}."
    else:
        yield (
            f"A label to a buyer costs {micros_words(model.label_base_micros)} and "
            f"{micros_words(model.label_per_km_micros)} per kilometre."
        )
    yield (
        "Where no warehouse is stored, the ordinary return costs "
        f"{micros_words(model.standard_return_micros)} and the ordinary shipping "
        f"{micros_words(model.standard_shipping_micros)}."
    )
    if model.priority_step_micros:
        worth = micros_words(model.priority_step_micros)
        yield f"One step of a buyer's priority is worth {worth}."
    if policy.evidence_thresholds is not None:
        asked = evidence_words(policy.evidence_thresholds)
        yield f"Before the next step there have to be: {asked}."
