"""Places and look-ups done the slow way, to compare the fast ways with."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matcher.geo import EARTH_RADIUS_M, distance_table_m

Place = tuple[float, float]


def great_circle_m(a: Place, b: Place) -> float:
    """Measure with angles, not chords; well conditioned at any distance."""
    phi_a, phi_b = math.radians(a[0]), math.radians(b[0])
    turn = math.radians(b[1] - a[1])
    across = math.hypot(
        math.cos(phi_b) * math.sin(turn),
        math.cos(phi_a) * math.sin(phi_b)
        - math.sin(phi_a) * math.cos(phi_b) * math.cos(turn),
    )
    along = math.sin(phi_a) * math.sin(phi_b) + math.cos(phi_a) * math.cos(
        phi_b
    ) * math.cos(turn)
    return EARTH_RADIUS_M * math.atan2(across, along)


def moved(start: Place, bearing_degrees: float, arc_m: float) -> Place:
    """Go along a great circle; the longitude stays within -180 to 180."""
    phi, theta = math.radians(start[0]), math.radians(bearing_degrees)
    angle = arc_m / EARTH_RADIUS_M
    sine = math.sin(phi) * math.cos(angle)
    sine += math.cos(phi) * math.sin(angle) * math.cos(theta)
    # asin is blunt near the poles; the other leg is not.
    flat = math.hypot(
        math.sin(theta) * math.sin(angle),
        math.cos(phi) * math.cos(angle)
        - math.sin(phi) * math.sin(angle) * math.cos(theta),
    )
    turn = math.atan2(
        math.sin(theta) * math.sin(angle),
        math.cos(phi) * math.cos(angle)
        - math.sin(phi) * math.sin(angle) * math.cos(theta),
    )
    lng = math.remainder(start[1] + math.degrees(turn), 360.0)
    return math.degrees(math.atan2(sine, flat)), lng


@dataclass
class NaiveIndex:
    """A dictionary of slots that is searched from end to end, by the one distance."""

    places: dict[int, tuple[int, float, float]] = field(default_factory=dict)

    def insert(self, slots: list[int], keys: list[int], places: list[Place]) -> None:
        """Add places under slots that are not in use."""
        for slot, key, place in zip(slots, keys, places, strict=True):
            assert slot not in self.places, f"slot {slot} was given out twice"
            self.places[slot] = (key, *place)

    def remove(self, slots: list[int]) -> None:
        """Take slots out."""
        for slot in slots:
            del self.places[slot]

    def within(self, key: int, place: Place, radius_m: int) -> list[tuple[int, int]]:
        """Return slot and metres of all that is within a radius, by slot."""
        slots, metres = self._measured(key, place)
        near = metres <= radius_m
        return list(zip(slots[near].tolist(), metres[near].tolist(), strict=True))

    def nearest(self, key: int, place: Place) -> tuple[int, int]:
        """Return slot and metres of the nearest, the lowest slot of equals."""
        slots, metres = self._measured(key, place)
        far = list(zip(metres.tolist(), slots.tolist(), strict=True))
        return min(far, default=(-1, -1))[::-1]

    def count(self, key: int) -> int:
        """Count what is under a key."""
        return sum(each[0] == key for each in self.places.values())

    def _measured(
        self, key: int, place: Place
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        slots = sorted(slot for slot, each in self.places.items() if each[0] == key)
        lat = [self.places[slot][1] for slot in slots]
        lng = [self.places[slot][2] for slot in slots]
        metres = distance_table_m([place[0]], [place[1]], lat, lng)[0]
        return np.array(slots, np.int64), metres
