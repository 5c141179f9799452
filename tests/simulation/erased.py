"""What is left of a row whose personal data is erased, written out field by field."""

from __future__ import annotations

from dataclasses import astuple, replace

import h3

from matcher.domain.demand import Demand
from matcher.domain.item import Verification
from matcher.domain.latlng import LatLng
from matcher.domain.return_item import ReturnItem


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
