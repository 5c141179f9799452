"""
Everything that can be asked of a shard, one value per kind.

An ``etag`` is that of the entity that the command is about, for policies and pauses
that of the program; an empty one is not compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.demand import Demand
from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.ids import (
    DemandId,
    DropOffPointId,
    LabelId,
    MatchId,
    ReturnId,
    RoundId,
    ServiceAreaId,
    WarehouseId,
)
from matcher.domain.item import Verification
from matcher.domain.item_outcome import ItemOutcome
from matcher.domain.match_label import LabelState
from matcher.domain.policy import Policy
from matcher.domain.policy_change import Dimension
from matcher.domain.program import SignOff
from matcher.domain.return_item import ReturnItem
from matcher.domain.warehouse import ServiceArea, Warehouse

#: Matches that one command releases at most.
RELEASE_COUNT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class UpsertDemands:
    """Store or change demands, all or none."""

    demands: tuple[Demand, ...]
    etags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CancelDemand:
    """Cancel a demand; held units keep their promise."""

    demand_id: DemandId
    etag: str = ""


@dataclass(frozen=True, slots=True)
class SubmitReturns:
    """Submit return items, all or none; one payload hash each."""

    items: tuple[ReturnItem, ...]
    payload_hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordVerification:
    """Replace the evidence about a waiting return item and decide anew."""

    return_id: ReturnId
    verification: Verification
    etag: str = ""


@dataclass(frozen=True, slots=True)
class CancelReturn:
    """Cancel a waiting or matched return item."""

    return_id: ReturnId
    etag: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmMatch:
    """Confirm a match."""

    match_id: MatchId
    etag: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseMatch:
    """Release an unconfirmed match."""

    match_id: MatchId
    etag: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseMatches:
    """
    Release the unconfirmed matches of a round, or of a demand, lowest ids first.

    One of the two ids is empty. ``count_max`` bounds how many go at once.
    """

    round_id: RoundId = RoundId("")
    demand_id: DemandId = DemandId("")
    count_max: int = RELEASE_COUNT_MAX


@dataclass(frozen=True, slots=True)
class ExtendMatch:
    """
    Let the hold of an unconfirmed match run on, once.

    ``span_us`` of ``None`` is the hold time of the policy that made the match, which is
    also the most.
    """

    match_id: MatchId
    span_us: int | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class RecordLabel:
    """
    Note that a label of a match was requested, issued or voided.

    ``state`` is REQUESTED, ISSUED or VOIDED.
    """

    match_id: MatchId
    label_id: LabelId
    state: LabelState
    etag: str = ""


@dataclass(frozen=True, slots=True)
class ErasePersonalData:
    """Erase the personal data of settled items and demands, all or none."""

    return_ids: tuple[ReturnId, ...]
    demand_ids: tuple[DemandId, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """
    Note what became of a return item, named by its id or by its match.

    One of the two ids is empty.
    """

    outcome: ItemOutcome
    return_id: ReturnId = ReturnId("")
    match_id: MatchId = MatchId("")
    etag: str = ""


@dataclass(frozen=True, slots=True)
class CreatePolicy:
    """Store a policy version, or only check it."""

    policy: Policy
    validate_only: bool = False


@dataclass(frozen=True, slots=True)
class ActivatePolicy:
    """Put a policy version in force, signed for; widenings are acknowledged."""

    version: int
    acknowledged: tuple[Dimension, ...] = ()
    sign_offs: tuple[SignOff, ...] = ()
    etag: str = ""


@dataclass(frozen=True, slots=True)
class RollbackPolicy:
    """Put the version before in force again."""

    note: str
    etag: str = ""


@dataclass(frozen=True, slots=True)
class PauseProgram:
    """Hold a category back; an empty one is the whole program."""

    category: str
    note: str
    etag: str = ""


@dataclass(frozen=True, slots=True)
class ResumeProgram:
    """End a pause."""

    category: str
    note: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class UpsertWarehouse:
    """Store or change a warehouse."""

    warehouse: Warehouse
    etag: str = ""


@dataclass(frozen=True, slots=True)
class DeleteWarehouse:
    """Delete a warehouse."""

    warehouse_id: WarehouseId
    etag: str = ""


@dataclass(frozen=True, slots=True)
class UpsertServiceArea:
    """Store or change a service area."""

    service_area: ServiceArea
    etag: str = ""


@dataclass(frozen=True, slots=True)
class DeleteServiceArea:
    """Delete a service area."""

    service_area_id: ServiceAreaId
    etag: str = ""


@dataclass(frozen=True, slots=True)
class UpsertDropOffPoint:
    """Store or change a drop-off point."""

    drop_off_point: DropOffPoint
    etag: str = ""


@dataclass(frozen=True, slots=True)
class DeleteDropOffPoint:
    """Delete a drop-off point."""

    drop_off_point_id: DropOffPointId
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Settle what time alone has settled: holds, decide-by times, ship-by times."""


#: Commands that hold for all items.
Setting = (
    CreatePolicy
    | ActivatePolicy
    | RollbackPolicy
    | PauseProgram
    | ResumeProgram
    | UpsertWarehouse
    | DeleteWarehouse
    | UpsertServiceArea
    | DeleteServiceArea
)

Command = (
    UpsertDemands
    | CancelDemand
    | SubmitReturns
    | RecordVerification
    | CancelReturn
    | ConfirmMatch
    | ReleaseMatch
    | ReleaseMatches
    | ExtendMatch
    | RecordLabel
    | ErasePersonalData
    | UpsertDropOffPoint
    | DeleteDropOffPoint
    | RecordOutcome
    | Setting
    | Tick
)
