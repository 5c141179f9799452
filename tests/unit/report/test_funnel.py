"""How groups of returns add up."""

from __future__ import annotations

from dataclasses import replace

from matcher.domain.item import ReturnReason
from matcher.domain.item_outcome import Arrival, BuyerResponse
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.report.facts import FactGroup
from matcher.report.funnel import funnel_of

_GROUP = FactGroup(
    "apparel",
    ReturnReason.FIT,
    ReturnState.WAREHOUSE,
    is_verified=True,
    is_eligible=False,
    codes=(),
    arrival=Arrival.UNSPECIFIED,
    response=BuyerResponse.UNSPECIFIED,
    is_worse=None,
    count=2,
    saving_micros=30,
    avoided_m=40,
    avoided_count=1,
)


def test_a_return_without_a_reason_is_unexplained():
    """The bucket that has to be empty: no code, or none that is known (R52)."""
    named = replace(_GROUP, codes=(ReasonCode.NO_DEMAND, ReasonCode.DECIDE_BY_REACHED))
    funnel = funnel_of([_GROUP, named, replace(_GROUP, codes=(ReasonCode(0),))])
    assert funnel.unexplained == 4
    assert funnel.fallback == {
        ReasonCode.NO_DEMAND: 2,
        ReasonCode.DECIDE_BY_REACHED: 2,
    }
    assert funnel.routed == 6


def test_a_sale_is_recovered_unless_it_is_known_not_to_be():
    """Under way, arrived and complained of count; lost and refused do not (R64)."""
    gone = replace(_GROUP, state=ReturnState.CONFIRMED)
    arrived = replace(gone, state=ReturnState.COMPLETED, arrival=Arrival.ARRIVED)
    groups = [
        gone,
        replace(arrived, response=BuyerResponse.COMPLAINED),
        replace(arrived, response=BuyerResponse.REFUSED),
        replace(gone, arrival=Arrival.LOST),
    ]
    funnel = funnel_of(groups)
    assert (funnel.confirmed, funnel.completed, funnel.recovered) == (8, 4, 4)
    assert (funnel.avoided_m, funnel.avoided_count) == (80, 2)
    assert funnel.saving_micros == 120
    assert (funnel.complained, funnel.responded, funnel.lost) == (4, 4, 2)


def test_what_is_held_counts_apart_until_it_is_confirmed():
    """Its saving is no part of what hand-overs saved, and moves there with it (R64)."""
    held = replace(_GROUP, state=ReturnState.MATCHED)
    gone = replace(_GROUP, state=ReturnState.CONFIRMED, count=3, saving_micros=50)
    funnel = funnel_of([held, gone, _GROUP])
    assert (funnel.held, funnel.held_saving_micros) == (2, 30)
    assert (funnel.matched, funnel.confirmed, funnel.saving_micros) == (5, 3, 50)
