"""The drop-off points in a customer's neighbourhood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matcher.domain.decision import Decision, Outcome
from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.latlng import LatLng
from matcher.geo import distance_m

#: How many are told, and how far away at most.
NEAR_COUNT_MAX = 3
NEAR_M = 25_000


@dataclass(frozen=True, slots=True)
class NearPoint:
    """A drop-off point and its great-circle distance from an item."""

    point: DropOffPoint
    distance_m: int


def leaves_customer(decision: Decision) -> bool:
    """Return whether the item is to be handed over: a place for that is of use."""
    return decision.outcome in (Outcome.MATCHED, Outcome.WAREHOUSE)


def nearest_points(
    location: LatLng, points: Sequence[DropOffPoint]
) -> tuple[NearPoint, ...]:
    """
    Return the nearest few drop-off points.

    Parameters
    ----------
    location
        Where the item is.
    points
        All that there are, in any order.

    Returns
    -------
    tuple of NearPoint
        At most three within 25 km, nearest first, then by id.
    """
    if not points:
        return ()
    count = len(points)
    metres = distance_m(
        np.full(count, location.lat),
        np.full(count, location.lng),
        np.array([each.location.lat for each in points]),
        np.array([each.location.lng for each in points]),
    )
    near = sorted(
        (distance, points[at].drop_off_point_id, at)
        for at, distance in enumerate(metres.tolist())
        if distance <= NEAR_M
    )
    return tuple(
        NearPoint(points[at], distance) for distance, _, at in near[:NEAR_COUNT_MAX]
    )
