"""H3 cells of places; coordinates are checked, which H3 itself does not do."""

from __future__ import annotations

import numpy as np
from h3.api import basic_int as h3
from numpy.typing import ArrayLike, NDArray

from matcher.domain.errors import InvalidValueError
from matcher.geo.sphere import checked_places

CellArray = NDArray[np.uint64]

#: The finest resolution that H3 has.
RESOLUTION_MAX = 15


def latlng_to_cells(lat: ArrayLike, lng: ArrayLike, resolution: int) -> CellArray:
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
        If a coordinate is not finite or out of range, or if there is no such
        resolution.
    InvalidProblemError
        If the lengths differ.

    Notes
    -----
    About 0.8 us a place: H3's Python binding has no vectorised call. A cell's parent
    need not hold all its places, so coarser cells are found anew, not derived.
    """
    if not 0 <= resolution <= RESOLUTION_MAX:
        raise InvalidValueError("resolution", resolution, f"0 to {RESOLUTION_MAX}")
    lats, lngs = checked_places(lat, lng)
    places = zip(lats.tolist(), lngs.tolist(), strict=True)
    to_cell = h3.latlng_to_cell
    return np.array([to_cell(*place, resolution) for place in places], np.uint64)


def parent_cells(cells: CellArray, resolution: int) -> CellArray:
    """
    Return the cell of a resolution that holds each cell in H3's hierarchy.

    Parameters
    ----------
    cells
        Valid H3 cells of that resolution or a finer one, ``uint64 (n,)``.
    resolution
        0 to 15.
    """
    to_parent = h3.cell_to_parent
    return np.array([to_parent(each, resolution) for each in cells.tolist()], np.uint64)


def cell_texts(cells: CellArray) -> list[str]:
    """Return each cell in hexadecimal, as H3 writes it."""
    return [h3.int_to_str(each) for each in cells.tolist()]


def cell_centres(cells: CellArray) -> NDArray[np.float64]:
    """
    Return the centre of each cell.

    Parameters
    ----------
    cells
        Valid H3 cells, ``uint64 (n,)``.

    Returns
    -------
    numpy.ndarray
        Latitude and longitude in degrees, ``float64 (n, 2)``.
    """
    centres = [h3.cell_to_latlng(each) for each in cells.tolist()]
    return np.array(centres, np.float64).reshape(-1, 2)
