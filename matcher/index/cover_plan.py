"""Which cells each look-up walks, if walking cells is worth it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matcher.domain.policy import RADIUS_M_MAX
from matcher.geo import cell_centres, cover, latlng_to_cells, unit_vectors

IntArray = NDArray[np.int64]
CellArray = NDArray[np.uint64]
FloatArray = NDArray[np.float64]

#: Resolutions of levels 1, 2 and 3; level 0 is the whole key.
RESOLUTIONS = (7, 5, 3)

# A radius is walked at the first level whose cells are not much smaller than it: 15
# to 120 cells cover it.
FINEST_RADIUS_M = 6_000
_RADII_M = (FINEST_RADIUS_M, 45_000, RADIUS_M_MAX)

# Making a cover, 0.4 ms, costs about as much as scanning this many demands, whose
# links lead all over the memory of a large index. One that is not at hand is made only
# if the queries that share it would scan more without it.
_SCANS_PER_COVER = 4_000

# A look-up in the table costs about as much as scanning this many demands.
_SCANS_PER_CELL = 4

# Few covers have fewer cells than this, so smaller keys are not looked at.
_CELLS_MIN = 16

_COVERS_KEPT = 100_000


class Cover(NamedTuple):
    """
    Cells that hold all places within a radius of any place of one of them.

    Parameters
    ----------
    cells
        ``uint64 (c,)``, those with the nearest centres first.
    centres
        Unit vectors, ``float64 (c, 3)``.
    """

    cells: CellArray
    centres: FloatArray

    @classmethod
    def of(cls, cell: int, radius_m: int) -> Cover:
        """Cover the radius of a cell, at the cell's resolution."""
        cells = cover(cell, radius_m)
        centres = unit_vectors(*cell_centres(cells).T)
        own = centres[np.searchsorted(cells, np.uint64(cell))]
        order = np.argsort(-(centres @ own), kind="stable")
        return cls(cells[order], centres[order])


# What a query walks that walks its whole key; it has no centre.
_WHOLE_KEY = Cover(np.zeros(1, np.uint64), np.zeros((1, 3)))


class CoverPlan:
    """
    The level and the cover of each query.

    Parameters
    ----------
    key_count
        Demands of each query's key, ``int64 (q,)``.
    """

    def __init__(self, key_count: IntArray) -> None:
        self._key_count = key_count
        self._covers = [_WHOLE_KEY]
        self.level = np.zeros(len(key_count), np.int64)
        self.cover_of = np.zeros(len(key_count), np.int64)

    def add(self, level: int, of_rows: list[tuple[Cover, list[int]]]) -> None:
        """Let rows walk covers, but for those whose whole key is sooner scanned."""
        sizes = [len(rows) for _, rows in of_rows]
        rows = np.array([row for _, rows in of_rows for row in rows], np.int64)
        number = np.repeat(np.arange(len(sizes)), sizes)
        cells = np.array([len(each.cells) for each, _ in of_rows], np.int64)
        large = self._key_count[rows] >= _SCANS_PER_CELL * cells[number]
        self.level[rows[large]] = level
        self.cover_of[rows[large]] = len(self._covers) + number[large]
        self._covers += [each for each, _ in of_rows]

    def covers(self) -> tuple[CellArray, IntArray, FloatArray]:
        """Return all cells end to end, where each cover starts, and the centres."""
        lengths = [len(each.cells) for each in self._covers]
        return (
            np.concatenate([each.cells for each in self._covers]),
            np.cumsum([0, *lengths], dtype=np.int64),
            np.concatenate([each.centres for each in self._covers]),
        )


class CoverPlanner:
    """Plans look-ups, and keeps the covers made for them."""

    def __init__(self) -> None:
        self._covers: dict[tuple[int, int], Cover] = {}

    def plan(
        self, key_count: IntArray, radius_m: IntArray, lat: ArrayLike, lng: ArrayLike
    ) -> CoverPlan:
        """
        Choose what each query walks.

        Parameters
        ----------
        key_count
            Demands of each query's key, ``int64 (q,)``.
        radius_m
            ``int64 (q,)``, at most 500,000 metres.
        lat, lng
            Degrees, ``(q,)`` each.

        Returns
        -------
        CoverPlan
            Level 0 for the whole key, else a cover at the level's resolution. It
            decides how long a look-up takes, never what it finds.

        Notes
        -----
        A query that no cover pays for is tried at coarser cells, which more queries
        share; what is left in the end scans the whole key.
        """
        plan = CoverPlan(key_count)
        lats, lngs = np.asarray(lat, np.float64), np.asarray(lng, np.float64)
        open_rows = np.nonzero(key_count >= _CELLS_MIN * _SCANS_PER_CELL)[0]
        for level, resolution in enumerate(RESOLUTIONS, start=1):
            fits = radius_m[open_rows] <= _RADII_M[level - 1]
            rows = open_rows[fits]
            centres = latlng_to_cells(lats[rows], lngs[rows], resolution).tolist()
            groups: dict[tuple[int, int], list[int]] = {}
            radii = radius_m[rows].tolist()
            for row, place in zip(
                rows.tolist(), zip(centres, radii, strict=True), strict=True
            ):
                groups.setdefault(place, []).append(row)
            left = open_rows[~fits].tolist()
            walked = []
            for place, members in groups.items():
                found = self._cover(*place, members, key_count)
                if found is None:
                    left += members
                else:
                    walked.append((found, members))
            plan.add(level, walked)
            open_rows = np.array(sorted(left), np.int64)
        return plan

    def _cover(
        self, centre: int, radius_m: int, members: list[int], key_count: IntArray
    ) -> Cover | None:
        kept = self._covers.get((centre, radius_m))
        if kept is None and int(key_count[members].sum()) >= _SCANS_PER_COVER:
            if len(self._covers) >= _COVERS_KEPT:
                self._covers.clear()
            kept = self._covers[centre, radius_m] = Cover.of(centre, radius_m)
        return kept
