"""Drop-off points between contract and domain."""

from __future__ import annotations

from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.etag import content_etag
from matcher.domain.ids import DropOffPointId
from matcher.explain.drop_off import NearPoint
from nearturn.v1 import drop_off_point_pb2
from server.api.convert.demand import from_latlng, to_latlng


def to_drop_off_point(message: drop_off_point_pb2.DropOffPoint) -> DropOffPoint:
    """Return a drop-off point."""
    return DropOffPoint(
        drop_off_point_id=DropOffPointId(message.drop_off_point_id),
        location=to_latlng(message.location),
        name=message.name,
        opening_hours=message.opening_hours,
        has_extended_hours=message.has_extended_hours,
    )


def from_drop_off_point(point: DropOffPoint) -> drop_off_point_pb2.DropOffPoint:
    """Return a drop-off point as a message."""
    return drop_off_point_pb2.DropOffPoint(
        drop_off_point_id=point.drop_off_point_id,
        location=from_latlng(point.location),
        name=point.name,
        opening_hours=point.opening_hours,
        has_extended_hours=point.has_extended_hours,
        etag=content_etag(point),
    )


def from_near_point(near: NearPoint) -> drop_off_point_pb2.NearDropOffPoint:
    """Return a drop-off point and how near it is, as a message."""
    return drop_off_point_pb2.NearDropOffPoint(
        drop_off_point=from_drop_off_point(near.point), distance_m=near.distance_m
    )
