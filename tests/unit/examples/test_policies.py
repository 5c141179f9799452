"""The shipped policies are what they are said to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import protovalidate
import pytest
from google.protobuf import json_format

from matcher.domain.item import ReturnReason
from matcher.domain.mode import Mode
from matcher.domain.policy import MatchKey, Policy
from nearturn.v1 import policy_pb2
from server.api.convert.policy import to_policy
from server.files.document import read_json

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def _policy(name: str) -> Policy:
    message = json_format.ParseDict(read_json(EXAMPLES / name), policy_pb2.Policy())
    assert not protovalidate.collect_violations(message)
    return to_policy(message)


@pytest.mark.parametrize(
    "name",
    sorted(
        str(each.relative_to(EXAMPLES))
        for folder in ("policies", "olist")
        for each in (EXAMPLES / folder).rglob("p*.json")
    ),
)
def test_every_policy_is_accepted(name: str) -> None:
    """The contract's rules and the domain's find no fault."""
    assert _policy(name).categories


def test_pilot_is_narrow() -> None:
    """One category, two reasons, five in a hundred customers (R15, R21, R23, R27)."""
    pilot = _policy("policies/pilot.json")
    (rule,) = pilot.categories
    assert rule.category == "apparel"
    assert rule.reasons == (ReturnReason.FIT, ReturnReason.PREFERENCE)
    assert pilot.rollout_basis_points == 500


def test_the_pilot_may_observe_first() -> None:
    """The same policy, which does not act: nothing else changes later (R27, R31)."""
    pilot = _policy("policies/pilot.json")
    observing = _policy("policies/pilot-observing.json")
    assert observing.mode is Mode.SHADOW
    same = replace(observing, mode=pilot.mode, description=pilot.description)
    assert same == pilot


def test_real_orders_have_a_policy_per_key() -> None:
    """The two differ in what must be equal, and in their words, and nowhere else."""
    by_sku = _policy("olist/policy-sku.json").categories
    by_category = _policy("olist/policy-category.json").categories
    assert {rule.match_key for rule in by_sku} == {MatchKey.SKU}
    assert {rule.match_key for rule in by_category} == {MatchKey.CATEGORY}
    assert [rule.category for rule in by_sku] == [rule.category for rule in by_category]
