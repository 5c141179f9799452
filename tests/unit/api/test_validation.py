"""Rules of the schema, applied to messages small and large."""

from __future__ import annotations

import math
from typing import Any

import protovalidate
import pytest

from matcher.domain.errors import FieldViolation, InvalidValueError
from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import policy_service_pb2 as policies
from nearturn.v1 import return_service_pb2 as returns
from server.api.validation import LISTED_MAX, check, violations
from tests.contract.messages import demand, policy, return_item, verification


def _batch(count: int, **bad: Any) -> demands.BatchUpsertDemandsRequest:
    # The last item is the faulty one.
    items = [demand(f"d{number}") for number in range(count - 1)]
    return demands.BatchUpsertDemandsRequest(demands=[*items, demand("last", **bad)])


def _fields(message: Any) -> list[str]:
    return [each.field for each in violations(message)]


def test_sound_messages_pass():
    """What every other test starts from breaks no rule."""
    check(returns.SubmitReturnRequest(return_item=return_item()))
    check(policies.CreatePolicyRequest(policy=policy()))
    check(_batch(500))


@pytest.mark.parametrize("count", [2, 32, 33, 1_000])
def test_a_fault_is_found_at_its_place_in_lists_of_any_length(count: int):
    """Up to 32 items are checked together, more one by one: the paths are the same."""
    assert _fields(_batch(count, quantity=0)) == [f"demands[{count - 1}].quantity"]


def test_long_lists_inside_of_parts_are_checked_too():
    """The 41st category of a policy inside of a request is found by its whole path."""
    request = policies.CreatePolicyRequest(policy=policy())
    for _ in range(40):
        request.policy.categories.add().CopyFrom(request.policy.categories[0])
    request.policy.categories[40].radius_m = 500_001
    assert violations(request) == [
        FieldViolation("policy.categories[40].radius_m", "500001", "1 to 500,000")
    ]


def test_a_long_list_does_not_hide_its_neighbours():
    """Faults beside a long list are reported with those inside of it."""
    request = matches.PlanRequest(
        return_items=[return_item(f"r{number}") for number in range(50)],
        demands=[demand("d1", sku="")],
    )
    request.return_items[49].weight_grams = -1
    assert _fields(request) == [
        "demands[0].sku",
        "policy",
        "return_items[49].weight_grams",
    ]


def test_a_list_that_is_too_long_is_not_looked_into():
    """10,001 items are one violation, whatever is inside; the request is kept."""
    request = _batch(10_001, quantity=0)
    assert violations(request) == [
        FieldViolation("demands", "10,001 items", "1 to 10,000 items")
    ]
    assert len(request.demands) == 10_001


def test_the_search_ends_at_a_hundred():
    """200 items with seven faults each list a hundred."""
    request = returns.BatchSubmitReturnsRequest(return_items=[{} for _ in range(200)])
    found = violations(request)
    assert len(found) == LISTED_MAX
    assert len({each.field for each in found}) == LISTED_MAX


def test_a_field_is_named_once():
    """NaN is neither finite nor in range: one violation with the whole range."""
    item = return_item(verification=verification(confidence=math.nan))
    assert violations(item) == [
        FieldViolation("verification.confidence", "nan", "finite, 0 to 1")
    ]


def test_a_hostile_value_is_cut():
    """A megabyte of text is shown by its first 80 characters and its length."""
    (found,) = violations(demand("x" * 1_000_000))
    assert len(found.value) < 120
    assert found.value.endswith("(1,000,000 characters)")


def test_check_raises_all_of_them():
    """Every violation is in the one error."""
    with pytest.raises(InvalidValueError) as raised:
        check(demand("", quantity=-1))
    fields = [each.field for each in raised.value.violations]
    assert fields == ["demand_id", "quantity"]


def test_rules_agree_with_the_validator():
    """Item by item or all at once, the faulty fields are those of protovalidate."""
    request = _batch(60, sku="", priority=10)
    theirs = {
        violation.proto.field.elements[-1].field_name
        for violation in protovalidate.collect_violations(request)
    }
    ours = {field.rpartition(".")[2] for field in _fields(request)}
    assert ours == theirs == {"sku", "priority"}
