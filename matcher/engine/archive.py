"""How a shard asks for what it no longer keeps in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from matcher.domain.decision import Decision
from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.ids import DecisionId, DemandId, MatchId, ReturnId
from matcher.domain.match import Match
from matcher.domain.program import Program
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.records import (
    DemandRecord,
    GuardrailDay,
    MatchCount,
    PolicyRecord,
    ReturnRecord,
    SkuDay,
    VolumeHour,
    WarehouseDay,
)
from matcher.engine.shadow_records import ShadowRecord, ShadowUnits


class Archive(Protocol):
    """
    Committed rows of one tenant, by id.

    Each method leaves out ids that do not exist; none raises for them. A shard asks
    only for what it does not hold in memory, so it never sees a row older than its
    own.
    """

    def demands(self, ids: Iterable[DemandId]) -> dict[DemandId, DemandRecord]:
        """Return the demands that exist among ``ids``."""

    def returns(self, ids: Iterable[ReturnId]) -> dict[ReturnId, ReturnRecord]:
        """Return the return items that exist among ``ids``."""

    def match(self, match_id: MatchId) -> Match | None:
        """Return one match."""

    def decision(self, decision_id: DecisionId) -> Decision | None:
        """Return one decision."""


@dataclass(frozen=True, slots=True)
class LiveRows:
    """
    All that a shard needs in memory to go on where it stopped.

    Demands, returns and matches hold the live ones only (``is_live``, hold
    ACTIVE). The three counters are the highest numbers ever given out. A program of
    ``None`` was never stored. Shadows are the open ones, with the settled return items
    that they stand for.
    """

    demands: tuple[DemandRecord, ...] = ()
    returns: tuple[ReturnRecord, ...] = ()
    matches: tuple[Match, ...] = ()
    policies: tuple[PolicyRecord, ...] = ()
    program: Program | None = None
    volume_hours: tuple[VolumeHour, ...] = ()
    match_counts: tuple[MatchCount, ...] = ()
    warehouses: tuple[Warehouse, ...] = ()
    service_areas: tuple[ServiceArea, ...] = ()
    drop_off_points: tuple[DropOffPoint, ...] = ()
    warehouse_days: tuple[WarehouseDay, ...] = ()
    decision_count: int = 0
    match_count: int = 0
    round_count: int = 0
    shadows: tuple[ShadowRecord, ...] = ()
    shadowed: tuple[ReturnRecord, ...] = ()
    shadow_units: tuple[ShadowUnits, ...] = ()
    guardrail_days: tuple[GuardrailDay, ...] = ()
    sku_days: tuple[SkuDay, ...] = ()
