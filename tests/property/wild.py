"""Any policy and any item that the contract accepts, drawn for property tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from matcher.domain.demand import Demand
from matcher.domain.demand_floor import DemandFloor
from matcher.domain.evidence import EvidenceThresholds
from matcher.domain.guardrail import Guardrail, GuardrailMetric
from matcher.domain.item import (
    UNMATCHABLE_REASONS,
    Condition,
    Fact,
    ItemAttributes,
    ReturnReason,
    Verification,
    VerificationStatus,
)
from matcher.domain.justification import Justification
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.mode import Mode
from matcher.domain.objective import Objective
from matcher.domain.policy import (
    CategoryRule,
    CostModel,
    LocaleMessages,
    MatchKey,
    Policy,
    RolloutStep,
    StepLimits,
    VolumeCap,
    ZoneRate,
)
from matcher.domain.return_item import Channel, ReturnItem, ReturnPath, TransitState
from matcher.policy.verification import CLOCK_SKEW_US
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    NOW_US,
    demand,
    policy,
    return_item,
)

CATEGORIES = ("apparel", "toys")
SEGMENTS = ("", "staff", "vip")
SKUS = ("shirt", "shirt", "coat")

#: Facts that no policy can lift; an unknown one is no better than a yes.
NEVER = ("fragile", "regulated", "damaged", "defective")

# Most draws are of what may be matched: an item of which everything is drawn at random
# is never matched by anybody, and would prove nothing.
# The odd values stand in the middle: the ends of a range are drawn more often.
_MOSTLY_NO = st.sampled_from([*[Fact.NO] * 9, Fact.YES, Fact.UNKNOWN, *[Fact.NO] * 9])
_MOSTLY_YES = st.sampled_from([*[True] * 7, False, *[True] * 7])
_EAST_M = st.sampled_from([0.0, 0.0, 1_000.0, 2_000.0, 20_000.0, 30_000.0])
_INSTANTS_US = st.integers(-3, 3).map(lambda each: NOW_US + each) | st.integers(
    NOW_US - 2 * DAY_US, NOW_US + 2 * DAY_US
)


def _mostly(value: Any, others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 15).flatmap(
        lambda each: others if each in (6, 9) else st.just(value)
    )


EVIDENCE = st.builds(
    Verification,
    status=_mostly(VerificationStatus.PASSED, st.sampled_from(VerificationStatus)),
    method=st.sampled_from(["", "photo"]),
    evidence_id=_mostly("e1", st.just("")),
    confidence=_mostly(1.0, st.none() | st.floats(0, 1)),
    verify_us=_mostly(NOW_US, st.none() | _INSTANTS_US),
    expire_us=_mostly(None, _INSTANTS_US),
)

# Evidence that passes any policy for an hour at least.
SOUND = Verification(
    VerificationStatus.PASSED, evidence_id="e1", confidence=1.0, verify_us=NOW_US
)


@st.composite
def items(draw: st.DrawFn, number: int) -> ReturnItem:
    """Draw an item of which every field may be anything, and mostly is not."""
    return return_item(
        f"r{number}",
        draw(_EAST_M),
        sku=draw(st.sampled_from(SKUS)),
        category=draw(_mostly("apparel", st.sampled_from(CATEGORIES))),
        decide_by_us=NOW_US + draw(st.sampled_from([DAY_US, DAY_US, HOUR_US, 1])),
        reason=draw(_mostly(ReturnReason.FIT, st.sampled_from(ReturnReason))),
        condition=draw(_mostly(Condition.NEW, st.sampled_from(Condition))),
        attributes=draw(st.builds(ItemAttributes, *[_MOSTLY_NO] * 6)),
        verification=draw(_mostly(SOUND, st.none() | EVIDENCE)),
        customer_consents=draw(_MOSTLY_YES),
        value_micros=draw(st.sampled_from([0, 10**15])),
        channel=draw(st.sampled_from(Channel)),
        transit_state=draw(
            _mostly(TransitState.WITH_CUSTOMER, st.sampled_from(TransitState))
        ),
        segment=draw(st.sampled_from(SEGMENTS)),
        order_return_count=draw(_mostly(1, st.integers(1, 3))),
        preferred_path=draw(
            _mostly(ReturnPath.UNSPECIFIED, st.sampled_from(ReturnPath))
        ),
        weight_grams=draw(st.sampled_from([0, 300, 900])),
        refund_due_us=draw(st.none() | _INSTANTS_US),
        season_end_us=draw(_mostly(None, _INSTANTS_US)),
    )


@st.composite
def demands(draw: st.DrawFn, number: int) -> Demand:
    """Draw an order that mostly would take a returned item."""
    return demand(
        f"d{number}",
        draw(_EAST_M),
        sku=draw(st.sampled_from(SKUS)),
        category=draw(_mostly("apparel", st.sampled_from(CATEGORIES))),
        quantity=draw(st.integers(1, 3)),
        ship_by_us=NOW_US + draw(st.sampled_from([HOUR_US, DAY_US, 4 * DAY_US])),
        min_condition=draw(st.sampled_from([each for each in Condition if each])),
        accepts_returned_item=draw(_MOSTLY_YES),
        priority=draw(st.integers(0, 9)),
    )


#: How each field of a rule is drawn, but for its category.
RULE_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "reasons": st.lists(
        st.sampled_from([r for r in ReturnReason if r not in UNMATCHABLE_REASONS]),
        unique=True,
        max_size=5,
    ).map(lambda others: tuple(dict.fromkeys([ReturnReason.FIT, *others]))),
    "min_condition": _mostly(Condition.POOR, st.sampled_from(list(Condition)[1:])),
    "min_confidence": st.sampled_from([0.0, 0.5, 1.0]),
    "verification_max_age_us": st.sampled_from([9 * DAY_US, 9 * DAY_US, HOUR_US, 1]),
    "radius_m": st.sampled_from([500_000, 50_000, 1_000, 1]),
    "match_key": st.sampled_from([MatchKey.SKU, MatchKey.CATEGORY]),
    "min_saving_micros": st.sampled_from([1, 1, 1, 9_000_000]),
    "allow_custom_made": st.booleans(),
    "season_end_us": _mostly(None, _INSTANTS_US),
    "justification": st.sampled_from([None, "match everything"]),
    "demand_floor": _mostly(
        None, st.builds(DemandFloor, st.just(DAY_US), st.integers(1, 3))
    ),
}

_COST_MODELS = st.builds(
    CostModel,
    label_base_micros=st.sampled_from([0, 3_000_000]),
    label_per_km_micros=st.sampled_from([0, 10_000, 200_000]),
    zones=st.sampled_from(
        [(), (ZoneRate(1_500, 500, 1_000_000), ZoneRate(25_000, 900, 2_000_000))]
    ),
    standard_return_micros=st.sampled_from([5_000_000, 5_000_000, 0]),
    standard_shipping_micros=st.sampled_from([4_000_000, 4_000_000, 0]),
    priority_step_micros=st.sampled_from([0, 500_000]),
)


@st.composite
def _rules(draw: st.DrawFn, category: str) -> CategoryRule:
    drawn = draw(st.fixed_dictionaries(RULE_FIELDS))
    # An id stands once in a policy.
    if drawn["justification"] is not None:
        drawn["justification"] = Justification(category, drawn["justification"])
    return CategoryRule(category, **drawn)


@st.composite
def _rollouts(draw: st.DrawFn) -> dict[str, Any]:
    # Steps rise, in time and in share; most begin while the items wait.
    if draw(_MOSTLY_YES):
        return {"rollout_basis_points": 10_000, "rollout_steps": ()}
    count = draw(st.integers(1, 4))
    shares = sorted(
        draw(st.sets(st.integers(0, 10_000), min_size=count, max_size=count))
    )
    starts = draw(st.sets(_INSTANTS_US, min_size=count - 1, max_size=count - 1))
    return {
        "rollout_basis_points": shares[0],
        "rollout_steps": tuple(map(RolloutStep, sorted(starts), shares[1:])),
    }


_CAPS = st.builds(
    VolumeCap,
    st.sampled_from([0, 1, 2_500, 5_000, 9_999, 10_000]),
    st.integers(1, 90 * 24).map(lambda hours: HOUR_US * hours),
)

# One of each kind, and some that nest; those of a SKU and of a warehouse would cross.
_LIMITS: list[tuple[MatchLimit, ...]] = [
    (MatchLimit(LimitScope.DAY, 0),),
    (MatchLimit(LimitScope.DAY, 2),),
    (MatchLimit(LimitScope.SKU, 1), MatchLimit(LimitScope.DAY, 10**9)),
    (MatchLimit(LimitScope.WAREHOUSE, 1),),
    (MatchLimit(LimitScope.ZONE, 1, 15),),
    (MatchLimit(LimitScope.ZONE, 1, 7), MatchLimit(LimitScope.ZONE, 2, 4)),
]
_NO_LIMITS: list[tuple[MatchLimit, ...]] = [()] * 8

#: How each field of a policy is drawn, but for the rules and the rollout.
POLICY_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "owner": st.sampled_from(["operations", "x"]),
    "currency_code": st.sampled_from(["EUR", "JPY"]),
    "hold_duration_us": st.sampled_from([1, MINUTE_US, DAY_US]),
    "cost_model": _COST_MODELS,
    "description": st.sampled_from(["", "match everything"]),
    "segments": _mostly(
        (), st.lists(st.sampled_from(SEGMENTS), unique=True).map(tuple)
    ),
    "rollout_salt": st.text(max_size=3),
    "round_interval_us": st.sampled_from([0, MINUTE_US]),
    "round_size": st.sampled_from([0, 1, 4]),
    "handling_duration_us": st.sampled_from([0, HOUR_US]),
    "allow_multi_item_returns": st.booleans(),
    "volume_cap": _mostly(None, _CAPS),
    "step_limits": st.builds(
        StepLimits, st.integers(0, 10_000), st.integers(0, 500_000), st.integers(0, 9)
    ),
    "messages": st.sampled_from([(), (LocaleMessages("en", "route-fallback = x"),)]),
    "banned_terms": st.sampled_from([(), ("instantly",)]),
    "mode": st.sampled_from([*[Mode.ACT] * 7, Mode.SHADOW, *[Mode.ACT] * 7]),
    "objective": st.sampled_from([each for each in Objective if each]),
    "match_limits": st.sampled_from([*_NO_LIMITS, *_LIMITS, *_NO_LIMITS]),
    "guardrails": st.sampled_from(
        [(), (Guardrail("", GuardrailMetric.LOST_SHARE, 1, 1, DAY_US),)]
    ),
    "evidence_thresholds": st.sampled_from([None, EvidenceThresholds(1, 2, 3, 4)]),
}


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw a policy, every field of it, as wide open as the contract can say."""
    rules = [draw(_rules(each)) for each in CATEGORIES[: draw(st.integers(1, 2))]]
    return replace(
        policy(*rules),
        **draw(st.fixed_dictionaries(POLICY_FIELDS)),
        **draw(_rollouts()),
    )


def later(item: ReturnItem, by_us: int) -> ReturnItem:
    """Return an item with all its times moved on."""

    def moved(instant_us: int | None) -> int | None:
        return None if instant_us is None else instant_us + by_us

    evidence = item.verification
    if evidence is not None:
        evidence = replace(
            evidence,
            verify_us=moved(evidence.verify_us),
            expire_us=moved(evidence.expire_us),
        )
    return replace(
        item,
        decide_by_us=item.decide_by_us + by_us,
        verification=evidence,
        refund_due_us=moved(item.refund_due_us),
        season_end_us=moved(item.season_end_us),
    )


def verified(item: ReturnItem, evidence: Verification) -> ReturnItem:
    """Return an item with other evidence."""
    return replace(item, verification=evidence)


def may_be_matched(item: ReturnItem, terms: Policy, now_us: int) -> bool:
    """
    Tell whether an item may be matched at an instant under a policy.

    Read off the two, in the words of the requirements, without the engine's checks.
    """
    found = {rule.category: rule for rule in terms.categories}.get(item.category)
    evidence, facts = item.verification, item.attributes
    if found is None or evidence is None:
        return False
    ends = [end for end in (item.season_end_us, found.season_end_us) if end is not None]
    is_verified = (
        evidence.status is VerificationStatus.PASSED
        and bool(evidence.evidence_id)
        and evidence.confidence is not None
        and evidence.confidence >= found.min_confidence
        and evidence.verify_us is not None
        and -CLOCK_SKEW_US
        <= now_us - evidence.verify_us
        <= found.verification_max_age_us
        and (evidence.expire_us is None or evidence.expire_us > now_us)
    )
    is_allowed = (
        all(getattr(facts, name) is Fact.NO for name in NEVER)
        and facts.end_of_season is not Fact.YES
        and (bool(ends) or facts.end_of_season is Fact.NO)
        and all(end > now_us for end in ends)
        and (facts.custom_made is Fact.NO or found.allow_custom_made)
        and item.reason in found.reasons
        and item.reason not in UNMATCHABLE_REASONS
        and item.condition >= found.min_condition
    )
    is_willing = (
        item.customer_consents
        and item.transit_state is TransitState.WITH_CUSTOMER
        and item.preferred_path is not ReturnPath.IN_STORE
    )
    return is_verified and is_allowed and is_willing
