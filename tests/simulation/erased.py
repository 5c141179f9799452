"""What is left of a row whose personal data is erased, written out field by field."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import TYPE_CHECKING

import h3

from matcher.domain.demand import Demand
from matcher.domain.errors import NearturnError, NotFoundError, StateConflictError
from matcher.domain.item import Verification
from matcher.domain.latlng import LatLng
from matcher.domain.return_item import ReturnItem, ReturnState
from matcher.domain.shadow import ShadowState
from matcher.engine.commands import ErasePersonalData

if TYPE_CHECKING:
    from tests.simulation.reference_model import ReferenceModel


def without_person(item: ReturnItem) -> ReturnItem:
    """Return an item that names nobody."""
    left = item.verification
    if left is not None:
        left = Verification(
            status=left.status,
            confidence=left.confidence,
            verify_us=left.verify_us,
            expire_us=left.expire_us,
        )
    return replace(
        item,
        order_id="erased",
        customer_id="erased",
        location=_far(item.location),
        verification=left,
    )


def without_place(demand: Demand) -> Demand:
    """Return a demand somewhere in its region."""
    return replace(demand, location=_far(demand.location))


def _far(location: LatLng) -> LatLng:
    # H3 cells of resolution 3 are 12,400 square kilometres on average.
    return LatLng(*h3.cell_to_latlng(h3.latlng_to_cell(*astuple(location), 3)))


def erase(
    model: ReferenceModel, command: ErasePersonalData
) -> type[NearturnError] | None:
    """Take personal data out of settled parcels and orders, all or none."""
    for return_id in command.return_ids:
        parcel = model.parcels.get(return_id)
        if parcel is None:
            return NotFoundError
        if parcel.state in (ReturnState.WAITING, ReturnState.MATCHED):
            return StateConflictError
    for demand_id in command.demand_ids:
        order = model.orders.get(demand_id)
        if order is None:
            return NotFoundError
        if order.open or order.held:
            return StateConflictError
    for return_id in command.return_ids:
        parcel = model.parcels[return_id]
        parcel.item, parcel.payload = without_person(parcel.item), ""
        if parcel.said is not None:
            outcome = replace(parcel.said.outcome, note="")
            parcel.said = replace(parcel.said, outcome=outcome)
        shade = model.shades.all.get(return_id)
        if shade is not None and shade.state is ShadowState.OPEN:
            shade.state = ShadowState.SKIPPED
    for demand_id in command.demand_ids:
        order = model.orders[demand_id]
        # The centre of a cell is its own: a place is erased once.
        far = without_place(order.demand)
        order.version += far != order.demand
        order.demand = far
    return None
