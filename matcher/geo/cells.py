"""H3 cells of places, and a proven cover of all places within a radius."""

from __future__ import annotations

import math

import numpy as np
from h3.api import basic_int as h3
from numpy.typing import ArrayLike, NDArray

from matcher.domain.errors import InvalidValueError
from matcher.geo.sphere import checked_places, distance_table_m

CellArray = NDArray[np.uint64]

#: Finest resolution that covers are made of.
RESOLUTION_MAX = 9

# Distance from the centre of any cell to its farthest point, times sqrt(7) to the
# power of its resolution. Over all cells of resolutions 0 to 4 and 20,000 random
# ones of each of 5 to 8 it is at most 1,404,987 m, reached where H3's projection
# stretches most; 1 % is added. A test measures it again.
_REACH_M = 1_419_100.0


def cells_of(lat: ArrayLike, lng: ArrayLike, resolution: int) -> CellArray:
    """
    Return the cell of each place.

    Parameters
    ----------
    lat, lng
        Degrees, ``(n,)`` each.
    resolution
        0 to 15.

    Returns
    -------
    numpy.ndarray
        ``uint64 (n,)``.

    Raises
    ------
    InvalidValueError
        If a coordinate is out of range.

    Notes
    -----
    About 0.8 us a place: H3's Python binding has no vectorised call.
    """
    lats, lngs = checked_places(lat, lng)
    places = zip(lats.tolist(), lngs.tolist(), strict=True)
    to_cell = h3.latlng_to_cell
    return np.array([to_cell(*place, resolution) for place in places], np.uint64)


def reach_m(resolution: int) -> float:
    """Return how far a point of a cell may be from its centre, in metres."""
    return float(_REACH_M / math.sqrt(7.0) ** resolution)


def cover(cell: int, radius_m: int) -> CellArray:
    """
    Cover everything within a radius of any point of a cell.

    Parameters
    ----------
    cell
        An H3 cell of resolution 0 to 9; a pentagon is as good as any.
    radius_m
        Metres, 0 or more.

    Returns
    -------
    numpy.ndarray
        ``uint64 (k,)``, sorted: cells of the same resolution. Each place within
        ``radius_m`` of some point of ``cell`` lies in one of them.

    Raises
    ------
    InvalidValueError
        If ``cell`` is no cell, or finer than 9.

    Notes
    -----
    Let ``r`` be :func:`reach_m`. A place within the radius of a point of ``cell``
    lies in a cell whose centre is within ``radius_m + 2 r`` of the centre of
    ``cell``: one ``r`` from centre to point, one from place to its own centre. The
    cells that meet the disc of that place are connected to ``cell`` through
    neighbours that fulfil the same bound, as the disc is connected and all cells
    that meet at a corner are neighbours. So it is enough to grow grid disks until
    the outermost ring has no cell within the bound, and to keep those that are.
    """
    if not h3.is_valid_cell(cell) or h3.get_resolution(cell) > RESOLUTION_MAX:
        raise InvalidValueError("cell", cell, f"an H3 cell of 0 to {RESOLUTION_MAX}")
    reach = reach_m(h3.get_resolution(cell))
    bound_m = math.ceil(radius_m + 2 * reach) + 1
    # A ring adds about the width of a cell, 1.7 times its reach.
    k = 2 + int(bound_m / (1.2 * reach))
    while True:
        disk = sorted(h3.grid_disk(cell, k))
        inner = set(h3.grid_disk(cell, k - 1))
        near = _near(cell, disk, bound_m)
        if len(inner) == len(disk) or not any(c not in inner for c in near):
            return np.array(near, np.uint64)
        k += 1 + k // 4


def _near(cell: int, others: list[int], bound_m: int) -> list[int]:
    centres = np.array([h3.cell_to_latlng(each) for each in others], np.float64)
    lat, lng = h3.cell_to_latlng(cell)
    distance = distance_table_m([lat], [lng], centres[:, 0], centres[:, 1])[0]
    return [
        each
        for each, far in zip(others, (distance > bound_m).tolist(), strict=True)
        if not far
    ]
