"""Cells that are proven to hold every place within a radius."""

from __future__ import annotations

import math

import numpy as np
from h3.api import basic_int as h3

from matcher.domain.errors import InvalidValueError, LimitExceededError
from matcher.geo.cells import CellArray, cell_centres
from matcher.geo.sphere import distance_table_m
from matcher.geo.sphere_kernel import EARTH_RADIUS_M

#: Finest resolution that covers are made of.
COVER_RESOLUTION_MAX = 9

#: Rings of a grid disk at most; more cells than that cover nothing cheaply.
RING_COUNT_MAX = 300

# Distance of neighbouring centres of resolution 0 in the plane of a face of H3's
# icosahedron, which touches a sphere of radius 1.
_SPACING = 0.381966011250105

# A little more than the proof asks for: H3 rounds in floating point.
_REACH_MARGIN = 1.001


def reach_m(resolution: int) -> float:
    """
    Bound how far a place of a cell may be from the cell's centre.

    Parameters
    ----------
    resolution
        Of the cell, 0 to 15.

    Returns
    -------
    float
        Metres.

    Notes
    -----
    H3 lays a hexagonal lattice on the planes of an icosahedron's faces and projects
    it from the centre of the sphere. In a plane a cell is a regular hexagon whose
    corners are ``spacing / sqrt(3)`` from its centre, and each resolution divides
    the spacing by ``sqrt(7)``. The lattices of two faces meet as one if the planes
    are unfolded, so from the centre a straight line of at most that length leads to
    any place of the cell, across an edge too; a pentagon, at a corner of the
    icosahedron, is five sixths of a hexagon. Each plane touches the sphere, where
    the projection keeps lengths, and stretches them everywhere else: on the sphere
    the line is no longer than in the planes. Hence ``R spacing / sqrt(3) /
    sqrt(7) ** resolution``, 1,404,987 m at resolution 0, and 0.1 % for rounding.
    """
    corner = _SPACING / math.sqrt(3.0) / math.sqrt(7.0) ** resolution
    return _REACH_MARGIN * EARTH_RADIUS_M * corner


def cover(cell: int, radius_m: int) -> CellArray:
    """
    Cover everything within a radius of any place of a cell.

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
        ``radius_m`` of some place of ``cell`` lies in one of them.

    Raises
    ------
    InvalidValueError
        If ``cell`` is no cell or finer than 9, or if the radius is negative.
    LimitExceededError
        If the disk would need more than 300 rings; coarser cells do.

    Notes
    -----
    Let ``r`` be :func:`reach_m`. A place within the radius of a place of ``cell``
    lies in a cell whose centre is within ``radius_m + 2 r`` of the centre of
    ``cell``: one ``r`` from centre to place, one from place to its own centre. The
    cells on the great circle between the two places fulfil the same bound, and each
    is a neighbour of the next, as all cells that meet at a corner are neighbours. So
    the cells wanted are connected to ``cell`` within the bound, and it is enough to
    grow grid disks until the outermost ring has no cell within the bound, and to
    keep those that are. About 2 us a cell.
    """
    if not h3.is_valid_cell(cell) or h3.get_resolution(cell) > COVER_RESOLUTION_MAX:
        raise InvalidValueError(
            "cell", cell, f"an H3 cell of resolution 0 to {COVER_RESOLUTION_MAX}"
        )
    if radius_m < 0:
        raise InvalidValueError("radius_m", radius_m, "0 metres or more")
    reach = reach_m(h3.get_resolution(cell))
    bound_m = math.ceil(radius_m + 2 * reach) + 1
    # A ring adds about the width of a cell, 1.7 times its reach.
    k = 2 + int(bound_m / (1.2 * reach))
    while k <= RING_COUNT_MAX:
        disk = sorted(h3.grid_disk(cell, k))
        inner = set(h3.grid_disk(cell, k - 1))
        near = _near(cell, disk, bound_m)
        if len(inner) == len(disk) or all(each in inner for each in near):
            return np.array(near, np.uint64)
        k += 1 + k // 4
    raise LimitExceededError("grid disk rings", k, RING_COUNT_MAX)


def _near(cell: int, others: list[int], bound_m: int) -> list[int]:
    centres = cell_centres(np.array(others, np.uint64))
    lat, lng = h3.cell_to_latlng(cell)
    distance = distance_table_m([lat], [lng], centres[:, 0], centres[:, 1])[0]
    return [
        each
        for each, far in zip(others, (distance > bound_m).tolist(), strict=True)
        if not far
    ]
