"""A place on the sphere."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class LatLng:
    """
    Latitude and longitude in degrees, WGS 84 numbers read on a sphere.

    Latitude is -90 to 90, longitude -180 to 180, both finite. The two ends of
    the longitude range are one meridian; at a pole every longitude is one place.
    """

    lat: float
    lng: float

    def __post_init__(self) -> None:
        # A chained comparison is False for NaN, so NaN is refused here too.
        if not -90.0 <= self.lat <= 90.0:
            raise InvalidValueError(
                "location.latitude", self.lat, "finite degrees from -90 to 90"
            )
        if not -180.0 <= self.lng <= 180.0:
            raise InvalidValueError(
                "location.longitude", self.lng, "finite degrees from -180 to 180"
            )
