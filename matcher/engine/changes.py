"""What commands changed: the rows that one transaction has to write."""

from __future__ import annotations

from dataclasses import dataclass, field

from matcher.domain.decision import Decision
from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.guardrail import GuardrailMetric
from matcher.domain.ids import (
    DemandId,
    DropOffPointId,
    MatchId,
    ReturnId,
    ServiceAreaId,
    WarehouseId,
)
from matcher.domain.match import Match
from matcher.domain.match_limit import LimitKey
from matcher.domain.program import Program, ProgramEvent
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.journal import Entry
from matcher.engine.records import (
    DemandRecord,
    GuardrailDay,
    MatchCount,
    PolicyRecord,
    ReturnRecord,
    RoundRecord,
    SkuDay,
    VolumeHour,
    WarehouseDay,
)
from matcher.engine.shadow_records import ShadowRecord, ShadowUnits


@dataclass(slots=True)
class Changes:
    """
    The last value of every row that changed, by id; ``None`` deletes the row.

    Decisions, program events and entries of the journal are appended, never changed:
    their order is the order of their log. A program of ``None`` did not change. The
    store takes the personal data of erased rows out of all that it keeps of them.
    """

    demands: dict[DemandId, DemandRecord] = field(default_factory=dict)
    returns: dict[ReturnId, ReturnRecord] = field(default_factory=dict)
    matches: dict[MatchId, Match] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    policies: dict[int, PolicyRecord] = field(default_factory=dict)
    warehouses: dict[WarehouseId, Warehouse | None] = field(default_factory=dict)
    service_areas: dict[ServiceAreaId, ServiceArea | None] = field(default_factory=dict)
    drop_off_points: dict[DropOffPointId, DropOffPoint | None] = field(
        default_factory=dict
    )
    warehouse_days: dict[tuple[WarehouseId, int], WarehouseDay] = field(
        default_factory=dict
    )
    rounds: list[RoundRecord] = field(default_factory=list)
    volume_hours: dict[int, VolumeHour] = field(default_factory=dict)
    match_counts: dict[LimitKey, MatchCount] = field(default_factory=dict)
    guardrail_days: dict[tuple[str, GuardrailMetric, int], GuardrailDay] = field(
        default_factory=dict
    )
    sku_days: dict[tuple[str, int], SkuDay] = field(default_factory=dict)
    program: Program | None = None
    program_events: list[ProgramEvent] = field(default_factory=list)
    journal: list[Entry] = field(default_factory=list)
    shadows: dict[ReturnId, ShadowRecord] = field(default_factory=dict)
    shadow_units: dict[DemandId, ShadowUnits | None] = field(default_factory=dict)
    erased_returns: set[ReturnId] = field(default_factory=set)
    erased_demands: set[DemandId] = field(default_factory=set)

    def add(self, later: Changes) -> None:
        """Merge what came later into this, the later value winning."""
        self.demands.update(later.demands)
        self.returns.update(later.returns)
        self.matches.update(later.matches)
        self.decisions.extend(later.decisions)
        self.policies.update(later.policies)
        self.warehouses.update(later.warehouses)
        self.service_areas.update(later.service_areas)
        self.drop_off_points.update(later.drop_off_points)
        self.warehouse_days.update(later.warehouse_days)
        self.rounds.extend(later.rounds)
        self.volume_hours.update(later.volume_hours)
        self.match_counts.update(later.match_counts)
        self.guardrail_days.update(later.guardrail_days)
        self.sku_days.update(later.sku_days)
        self.program = later.program or self.program
        self.program_events.extend(later.program_events)
        self.journal.extend(later.journal)
        self.shadows.update(later.shadows)
        self.shadow_units.update(later.shadow_units)
        self.erased_returns |= later.erased_returns
        self.erased_demands |= later.erased_demands

    def __bool__(self) -> bool:
        return any(
            (
                self.demands,
                self.returns,
                self.matches,
                self.decisions,
                self.policies,
                self.warehouses,
                self.service_areas,
                self.drop_off_points,
                self.warehouse_days,
                self.rounds,
                self.volume_hours,
                self.match_counts,
                self.guardrail_days,
                self.sku_days,
                self.program,
                self.program_events,
                self.journal,
                self.shadows,
                self.shadow_units,
                self.erased_returns,
                self.erased_demands,
            )
        )
