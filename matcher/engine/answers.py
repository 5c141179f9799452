"""What a shard answers to a command, one value per kind that needs more than one."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.decision import Decision
from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.match import Match
from matcher.domain.program import Program
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.records import (
    DemandRecord,
    PolicyRecord,
    ReturnRecord,
    RoundRecord,
)


@dataclass(frozen=True, slots=True)
class ReturnAnswer:
    """A return item as it stands, with its latest decision."""

    record: ReturnRecord
    decision: Decision


@dataclass(frozen=True, slots=True)
class ReleaseAnswer:
    """A released match, and what became of its return item."""

    match: Match
    decision: Decision


@dataclass(frozen=True, slots=True)
class BulkReleaseAnswer:
    """Matches that were released together, by id, and how many are still held."""

    released: tuple[ReleaseAnswer, ...]
    remaining_count: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """How many rows lost their personal data; those erased before do not count."""

    return_count: int
    demand_count: int


# UpsertDemands            tuple of DemandRecord, in the order of the command
# CancelDemand             DemandRecord
# SubmitReturns            tuple of ReturnAnswer, in the order of the command
# RecordVerification       ReturnAnswer
# CancelReturn             ReturnAnswer
# ConfirmMatch             Match
# ReleaseMatch             ReleaseAnswer
# ReleaseMatches           BulkReleaseAnswer
# ExtendMatch              Match
# RecordLabel              Match
# ErasePersonalData        Erasure
# RecordOutcome            ReturnAnswer
# CreatePolicy             PolicyRecord
# ActivatePolicy           PolicyRecord
# RollbackPolicy           PolicyRecord
# PauseProgram             Program
# ResumeProgram            Program
# UpsertWarehouse          Warehouse
# UpsertServiceArea        ServiceArea
# UpsertDropOffPoint       DropOffPoint
# DeleteWarehouse, DeleteServiceArea, DeleteDropOffPoint, Tick    None
# a round                  RoundRecord
Answer = (
    tuple[DemandRecord, ...]
    | DemandRecord
    | tuple[ReturnAnswer, ...]
    | ReturnAnswer
    | Match
    | ReleaseAnswer
    | BulkReleaseAnswer
    | Erasure
    | PolicyRecord
    | Program
    | Warehouse
    | ServiceArea
    | DropOffPoint
    | RoundRecord
    | None
)
