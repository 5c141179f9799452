"""Which cells each look-up walks, if walking cells is worth it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matcher.domain.policy import RADIUS_M_MAX
from matcher.geo import cover, latlng_to_cells

IntArray = NDArray[np.int64]
CellArray = NDArray[np.uint64]

#: Resolutions of levels 1, 2 and 3; level 0 is the whole key.
RESOLUTIONS = (7, 5, 3)

# A radius is walked at the first level whose cells are not much smaller than it: 15
# to 120 cells cover it.
_RADII_M = (6_000, 45_000, RADIUS_M_MAX)

# Making a cover, 0.4 ms, costs about as much as scanning this many demands, whose
# links lead all over the memory of a large index. One that is not at hand is made only
# if the queries that share it would scan more without it.
_SCANS_PER_COVER = 4_000

# A look-up in the table costs about as much as scanning this many demands.
_SCANS_PER_CELL = 4

# Few covers have fewer cells than this, so smaller keys are not looked at.
_CELLS_MIN = 16

_COVERS_KEPT = 100_000


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
        self._cells: list[CellArray] = [np.zeros(1, np.uint64)]
        self.level = np.zeros(len(key_count), np.int64)
        self.cover_of = np.zeros(len(key_count), np.int64)

    def add(self, level: int, rows: IntArray, cells: CellArray) -> None:
        """Let rows walk a cover, but for those whose whole key is sooner scanned."""
        large = rows[self._key_count[rows] >= _SCANS_PER_CELL * len(cells)]
        self.level[large] = level
        self.cover_of[large] = len(self._cells)
        self._cells.append(cells)

    def covers(self) -> tuple[CellArray, IntArray]:
        """Return all cells end to end, and where each cover starts."""
        lengths = [len(cells) for cells in self._cells]
        return np.concatenate(self._cells), np.cumsum([0, *lengths], dtype=np.int64)


class CoverPlanner:
    """Plans look-ups, and keeps the covers made for them."""

    def __init__(self) -> None:
        self._covers: dict[tuple[int, int], CellArray] = {}

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
            for row, centre in zip(rows.tolist(), centres, strict=True):
                groups.setdefault((centre, int(radius_m[row])), []).append(row)
            left = [open_rows[~fits]]
            for (centre, radius), members in groups.items():
                group = np.array(members, np.int64)
                cells = self._cover(centre, radius, int(key_count[group].sum()))
                if cells is None:
                    left.append(group)
                else:
                    plan.add(level, group, cells)
            open_rows = np.sort(np.concatenate(left))
        return plan

    def _cover(self, centre: int, radius_m: int, scans: int) -> CellArray | None:
        kept = self._covers.get((centre, radius_m))
        if kept is None and scans >= _SCANS_PER_COVER:
            if len(self._covers) >= _COVERS_KEPT:
                self._covers.clear()
            kept = self._covers[centre, radius_m] = cover(centre, radius_m)
        return kept
