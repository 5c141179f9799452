"""What a rollout report is made of: return items counted by what they are alike in."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.item import ReturnReason
from matcher.domain.item_outcome import Arrival, BuyerResponse
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState


@dataclass(frozen=True, slots=True)
class RolloutQuery:
    """
    Which return items a report is about.

    Those whose latest decision is of ``policy_version``, submitted from ``start_us`` on
    and before ``end_us``. ``sku_count`` bounds the SKUs that are listed, and
    ``rate_span_us`` is the span over which their rates are compared.
    """

    policy_version: int
    start_us: int
    end_us: int
    sku_count: int
    rate_span_us: int


@dataclass(frozen=True, slots=True)
class FactGroup:
    """
    Return items alike, how many, and sums over them.

    ``codes`` are the reasons of those that went to a warehouse. ``is_worse`` says
    whether they arrived in a worse grade than verified; ``None`` is not known.
    ``avoided_m`` sums, over ``avoided_count`` items, metres to the warehouse less
    metres to the buyer.
    """

    category: str
    reason: ReturnReason
    state: ReturnState
    is_verified: bool
    is_eligible: bool
    codes: tuple[ReasonCode, ...]
    arrival: Arrival
    response: BuyerResponse
    is_worse: bool | None
    count: int
    saving_micros: int
    avoided_m: int
    avoided_count: int


@dataclass(frozen=True, slots=True)
class SkuFacts:
    """
    Return items of one SKU.

    The first five are of the report's version and time; the last two are of all
    versions, in the last span before its end and in the one before that.
    """

    sku: str
    submitted_count: int
    matched_count: int
    confirmed_count: int
    complaint_count: int
    not_as_verified_count: int
    recent_count: int
    previous_count: int


@dataclass(frozen=True, slots=True)
class RolloutFacts:
    """
    All that a report is made of, from one commit.

    ``distances_m`` and ``waits_us`` are of the items with a promise, in no order.
    """

    groups: tuple[FactGroup, ...] = ()
    skus: tuple[SkuFacts, ...] = ()
    distances_m: tuple[int, ...] = ()
    waits_us: tuple[int, ...] = ()
