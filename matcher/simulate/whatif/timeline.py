"""What happened to a tenant from outside, whatever its policy made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from matcher.domain.demand import Demand
from matcher.domain.demand_floor import SeenDemand
from matcher.domain.ids import DemandId
from matcher.domain.item_outcome import ItemOutcome
from matcher.domain.match import Match
from matcher.domain.policy import Policy
from matcher.domain.program import Program
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.engine.commands import PauseProgram, ResumeProgram
from matcher.engine.network import Network
from matcher.engine.records import (
    GuardrailDay,
    MatchCount,
    SkuDay,
    VolumeHour,
    WarehouseDay,
)
from matcher.engine.standing import OutcomeRecord
from matcher.policy.volume import Admission

IntArray = NDArray[np.int64]

#: An instant, or a place in the order of things, that never comes.
NEVER = 2**62


@dataclass(frozen=True, slots=True)
class DemandState:
    """
    A demand as a caller put it, until the next caller put it otherwise.

    Parameters
    ----------
    demand
        As it was put.
    from_order, until_order
        Places in the order of things: since when, and until when (excluded).
    promised_count, fulfilled_count
        Units that were promised before the timeline begins, held and fulfilled ones,
        and of these the fulfilled ones.
    """

    demand: Demand
    from_order: int
    until_order: int = NEVER
    promised_count: int = 0
    fulfilled_count: int = 0


class FateKind(IntEnum):
    """What the caller did with a match."""

    CONFIRMED = 1
    RELEASED = 2
    NOTHING = 3


@dataclass(frozen=True, slots=True)
class Extension:
    """
    A hold that was to run on: how long after the match was made, and by how much.

    ``span_us`` of NEVER is as much as the policy that made the match allows.
    """

    after_us: int
    span_us: int


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one match of a return item, and how long after it was made."""

    kind: FateKind
    after_us: int = 0
    extension: Extension | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """
    A return item as it came in.

    Parameters
    ----------
    item
        As it was submitted.
    created_us
        When.
    order
        Place in the order of things; that of one command is the same for all its
        items, which are decided together.
    cancel_us, cancel_order
        When its customer called it off.
    fates
        What became of its matches, the first one first.
    admission
        What the volume cap had said before the timeline begins.
    reason_codes, released_demand_ids
        What it was told last before the timeline begins, and the pairs that are not to
        be made again.
    seen_demand
        What its SKU had when it came in before the timeline begins.
    """

    item: ReturnItem
    created_us: int
    order: int
    cancel_us: int = NEVER
    cancel_order: int = NEVER
    fates: tuple[Fate, ...] = ()
    admission: Admission = Admission.UNSPECIFIED
    reason_codes: tuple[ReasonCode, ...] = ()
    released_demand_ids: tuple[DemandId, ...] = ()
    seen_demand: SeenDemand | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """Evidence about a return item that came in later."""

    at_us: int
    order: int
    item: ReturnItem


@dataclass(frozen=True, slots=True)
class Report:
    """
    What was said of a return item that had been handed over to a buyer.

    Parameters
    ----------
    at_us, order
        When.
    outcome
        What became of it.
    item
        The item, whose category and grade count.
    demand_id
        Who had it; ``None`` if it was handed over before the timeline begins.
    before
        What had been said before the timeline begins.
    """

    at_us: int
    order: int
    outcome: ItemOutcome
    item: ReturnItem
    demand_id: DemandId | None = None
    before: OutcomeRecord | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """
    From an instant on: the network and the policy in force.

    ``steering`` is what an operator paused or resumed at that instant. What guardrails
    paused is not among it, for that depends on what was decided.
    """

    at_us: int
    order: int
    network: Network
    policy: Policy | None = None
    steering: PauseProgram | ResumeProgram | None = None


@dataclass(frozen=True, slots=True)
class RoundStart:
    """When a round began, and its place in the order of things."""

    at_us: int
    order: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """
    What callers, operators and time did, in order; decisions are not among it.

    Parameters
    ----------
    start_us, end_us
        From when to when; whatever is undecided at the end stays so.
    demands
        By demand id, then by time.
    arrivals
        In canonical order: older first, then by id.
    inspections, reports, settings
        By time. The first setting holds from the start.
    rounds
        When rounds began, in order.
    times_us
        The instant at each place in the order of things, never falling.
    finished_us
        When each round was finished, by its id.
    count_from_us
        Items that came in before take part and are not counted.
    held
        Promises that were open at the start.
    program
        What was paused at the start, whoever paused it.
    volume_hours, warehouse_days, match_counts, guardrail_days, sku_days
        Counts at the start.
    has_order_days
        Whether it is known on which days orders came in; it is not if all come at once.

    Notes
    -----
    Commands may share an instant, so what comes before what is said by places: 0 is the
    start, 1 the first command.
    """

    start_us: int
    end_us: int
    demands: tuple[DemandState, ...]
    arrivals: tuple[Arrival, ...]
    inspections: tuple[Inspection, ...]
    settings: tuple[Setting, ...]
    rounds: tuple[RoundStart, ...]
    times_us: tuple[int, ...]
    finished_us: Mapping[str, int] = field(default_factory=dict)
    count_from_us: int = 0
    held: tuple[Match, ...] = ()
    volume_hours: tuple[VolumeHour, ...] = ()
    warehouse_days: tuple[WarehouseDay, ...] = ()
    match_counts: tuple[MatchCount, ...] = ()
    reports: tuple[Report, ...] = ()
    program: Program | None = None
    guardrail_days: tuple[GuardrailDay, ...] = ()
    sku_days: tuple[SkuDay, ...] = ()
    has_order_days: bool = True
