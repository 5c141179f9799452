"""What a shard answers to a command, one value per kind that needs more than one."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.decision import Decision
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


# UpsertDemands            tuple of DemandRecord, in the order of the command
# CancelDemand             DemandRecord
# SubmitReturns            tuple of ReturnAnswer, in the order of the command
# RecordVerification       ReturnAnswer
# CancelReturn             ReturnAnswer
# ConfirmMatch             Match
# ReleaseMatch             ReleaseAnswer
# RecordOutcome            ReturnAnswer
# CreatePolicy             PolicyRecord
# ActivatePolicy           PolicyRecord
# RollbackPolicy           PolicyRecord
# PauseProgram             Program
# ResumeProgram            Program
# UpsertWarehouse          Warehouse
# UpsertServiceArea        ServiceArea
# DeleteWarehouse, DeleteServiceArea, Tick    None
# a round                  RoundRecord
Answer = (
    tuple[DemandRecord, ...]
    | DemandRecord
    | tuple[ReturnAnswer, ...]
    | ReturnAnswer
    | Match
    | ReleaseAnswer
    | PolicyRecord
    | Program
    | Warehouse
    | ServiceArea
    | RoundRecord
    | None
)
