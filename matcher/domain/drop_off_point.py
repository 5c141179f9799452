"""A place where customers may leave parcels."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import DropOffPointId, check_id
from matcher.domain.latlng import LatLng

#: Drop-off points of a tenant.
DROP_OFF_COUNT_MAX = 10_000
OPENING_HOURS_LENGTH_MAX = 1_000


@dataclass(frozen=True, slots=True)
class DropOffPoint:
    """
    A drop-off point as the caller describes it (R48); no input of any decision.

    ``opening_hours`` is the caller's own text, told to customers as it is; empty is
    unknown. ``has_extended_hours`` says that it is open late or on days of rest.
    """

    drop_off_point_id: DropOffPointId
    location: LatLng
    name: str
    opening_hours: str = ""
    has_extended_hours: bool = False

    def __post_init__(self) -> None:
        check_id("drop_off_point_id", self.drop_off_point_id)
        check_id("name", self.name)
        if len(self.opening_hours) > OPENING_HOURS_LENGTH_MAX:
            raise InvalidValueError(
                "opening_hours",
                f"{len(self.opening_hours):,} characters",
                "at most 1,000 characters",
            )
