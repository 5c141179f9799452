"""The volume cap: how many of the eligible return items may be matched."""

from __future__ import annotations

from enum import IntEnum

from matcher.domain.policy import BASIS_POINTS, CAP_STEP_US, VolumeCap


class Admission(IntEnum):
    """Whether an item has a place under the volume cap; it is asked once."""

    UNSPECIFIED = 0
    ADMITTED = 1
    REFUSED = 2


def hour_of(now_us: int) -> int:
    """Return the UTC hour of an instant, in hours since the epoch."""
    return now_us // CAP_STEP_US


def first_hour(cap: VolumeCap, now_us: int) -> int:
    """Return the first hour of the window that ends with the hour of ``now_us``."""
    return hour_of(now_us) - cap.window_us // CAP_STEP_US + 1


def has_place(cap: VolumeCap, eligible_count: int, admitted_count: int) -> bool:
    """
    Tell whether one more eligible item gets a place.

    Parameters
    ----------
    cap
        The cap.
    eligible_count, admitted_count
        Items of the window before this one.

    Returns
    -------
    bool
        Whether the share, this item counted on both sides, stays within the cap. In
        integers, so that after ``n`` items exactly ``n * basis_points // 10,000`` have
        a place if each of them asked for one.
    """
    asked = (admitted_count + 1) * BASIS_POINTS
    return asked <= cap.basis_points * (eligible_count + 1)
