"""Demands between contract and domain."""

from __future__ import annotations

from google.type.latlng_pb2 import LatLng as LatLngMessage
from h3.api import basic_str as h3

from matcher.domain.demand import Demand
from matcher.domain.ids import DemandId
from matcher.domain.item import Condition
from matcher.domain.latlng import LatLng
from matcher.engine.records import DemandRecord
from nearturn.v1 import demand_pb2, item_pb2
from server.api.convert.times import to_timestamp, to_us

#: Resolution of the cell that is shown for a demand: about 5 square kilometres.
SHOWN_RESOLUTION = 7


def to_latlng(message: LatLngMessage) -> LatLng:
    """Return a location; -0.0 is 0.0, so that equal places compare equal."""
    return LatLng(message.latitude + 0.0, message.longitude + 0.0)


def from_latlng(location: LatLng) -> LatLngMessage:
    """Return a location as a message."""
    return LatLngMessage(latitude=location.lat, longitude=location.lng)


def to_demand(message: demand_pb2.Demand) -> Demand:
    """Return a demand; output-only fields are ignored."""
    return Demand(
        demand_id=DemandId(message.demand_id),
        location=to_latlng(message.location),
        sku=message.sku,
        category=message.category,
        quantity=message.quantity,
        ship_by_us=to_us(message, "ship_by_time"),
        min_condition=Condition(message.min_condition),
        accepts_returned_item=message.accepts_returned_item,
        segment=message.segment,
        priority=message.priority,
    )


def from_open_demand(demand: Demand) -> demand_pb2.Demand:
    """Return what the caller said of a demand, as a message."""
    return demand_pb2.Demand(
        demand_id=demand.demand_id,
        location=from_latlng(demand.location),
        sku=demand.sku,
        category=demand.category,
        quantity=demand.quantity,
        ship_by_time=to_timestamp(demand.ship_by_us),
        min_condition=item_pb2.Condition.ValueType(demand.min_condition),
        accepts_returned_item=demand.accepts_returned_item,
        segment=demand.segment,
        priority=demand.priority,
    )


def from_demand(record: DemandRecord) -> demand_pb2.Demand:
    """Return a stored demand as a message."""
    demand = record.demand
    message = from_open_demand(demand)
    message.state = demand_pb2.DemandState.ValueType(record.state)
    message.held_count = record.held_count
    message.fulfilled_count = record.fulfilled_count
    message.cell = h3.latlng_to_cell(
        demand.location.lat, demand.location.lng, SHOWN_RESOLUTION
    )
    message.etag = str(record.version)
    message.create_time.CopyFrom(to_timestamp(record.created_us))
    message.update_time.CopyFrom(to_timestamp(record.updated_us))
    if record.erased_us is not None:
        message.erase_time.CopyFrom(to_timestamp(record.erased_us))
    return message
