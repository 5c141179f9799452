"""Candidates within a radius: ours against trees, a cell dictionary and SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import h3
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from benchmarks import postgis
from benchmarks.measurement import Way, has_module, measure
from benchmarks.result import Result, Skipped
from matcher.geo import EARTH_RADIUS_M, unit_vectors
from matcher.index import DemandIndex

FAMILY = "candidates"
POSTGIS = "PostGIS"

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
#: What a look-up found: untimed, ``int64 (k, 2)`` pairs of return and demand.
Pairs = Callable[[], IntArray]

_CITIES = 20

# Candidates of each return, on average.
_PER_RETURN = 15

# Places beyond which PostGIS would take minutes.
_POSTGIS_MAX = 20_000

# Pairs of any keys, beyond which memory would not do.
_PAIRS_MAX = 100_000_000


@dataclass(frozen=True, slots=True)
class Places:
    """Returns and demands with their keys, and one radius for all."""

    returns: FloatArray
    demands: FloatArray
    return_keys: IntArray
    demand_keys: IntArray
    radius_m: int
    threads: int

    @property
    def chord(self) -> float:
        """Chord of the radius, whole metres being rounded half up."""
        return float(2 * np.sin((self.radius_m + 0.5) / EARTH_RADIUS_M / 2))

    def vectors(self, of: FloatArray, keys: IntArray) -> FloatArray:
        """Return unit vectors; a fourth coordinate keeps the keys apart."""
        return np.column_stack((unit_vectors(*of.T), 4.0 * keys))


def places(rng: np.random.Generator, count: int, keys: int, threads: int) -> Places:
    """Return as many returns as demands in and around twenty cities."""
    centres = rng.normal((40.0, -95.0), 3.0, (_CITIES, 2))
    shares = rng.dirichlet(np.ones(_CITIES))
    demands, returns = (
        centres[rng.choice(_CITIES, count, p=shares)] + rng.normal(0.0, 0.4, (count, 2))
        for _ in range(2)
    )
    demand_keys, return_keys = rng.integers(0, keys, (2, count))
    # The radius that gives a sample of returns so many demands of their key.
    near = min(count, _PER_RETURN * keys)
    tree = KDTree(unit_vectors(*demands.T))
    chord, _ = tree.query(unit_vectors(*returns[:200].T), k=[near])
    radius_m = min(500_000, round(float(np.median(chord)) * EARTH_RADIUS_M))
    return Places(returns, demands, return_keys, demand_keys, radius_m, threads)


def candidates(
    counts: tuple[int, ...], seed: int, repetitions: int, threads: int
) -> Iterator[Result | Skipped]:
    """
    Find all pairs, places in and pairs out, the building of any index included.

    The sets of pairs must be equal: all ways use one chord for the radius.
    """
    for peer in PEERS:
        if not peer.is_installed:
            yield Skipped(FAMILY, peer.name, f"{peer.module} is not installed")
    if why := postgis.why_not():
        yield Skipped(FAMILY, POSTGIS, why)
    for count in counts:
        for keys in (1, max(2, count // 10)):
            given = places(np.random.default_rng(seed), count, keys, threads)
            yield from _compare(given, keys, repetitions)


def _compare(given: Places, keys: int, repetitions: int) -> Iterator[Result]:
    count = len(given.returns)
    expected = _sorted(find_ours(given)())
    size = (
        f"{count:,} x {count:,}, {keys:,} key{'s' * (keys > 1)}, "
        f"{given.radius_m:,} m, {len(expected):,} pairs"
    )

    def agree(name: str, found: Pairs) -> None:
        assert np.array_equal(_sorted(found()), expected), f"{size}: {name} differs"

    ways: list[Way[Pairs]] = [Way("nearturn", lambda: partial(find_ours, given))]
    ways += [
        Way(peer.name, partial(_deferred, peer, given))
        for peer in PEERS
        if peer.is_installed
        and count <= peer.count_max
        and (peer.knows_keys or keys * len(expected) <= _PAIRS_MAX)
    ]
    if postgis.why_not() is None and count <= _POSTGIS_MAX:
        ways.append(Way(POSTGIS, partial(_postgis, given)))
    timings = measure(ways, repetitions, agree)
    ours = timings["nearturn"].median_s
    for name, timing in timings.items():
        yield Result(
            FAMILY,
            size,
            name,
            timing.median_s,
            None if name == "nearturn" else timing.median_s / ours,
            timing.peak_mib,
        )


def _deferred(peer: Peer, given: Places) -> Callable[[], Pairs]:
    return partial(peer.find, given)


def _sorted(pairs: IntArray) -> IntArray:
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _by_counts(counts: IntArray, found: NDArray[np.integer]) -> IntArray:
    rows = np.repeat(np.arange(len(counts)), counts)
    return np.column_stack((rows, found)).astype(np.int64)


def find_ours(given: Places) -> Pairs:
    """Find the pairs with our index, built for it."""
    index = DemandIndex()
    slots = index.insert(given.demand_keys, *given.demands.T)
    radii = np.full(len(given.returns), given.radius_m)
    lat, lng = given.returns.T
    found = index.within(given.return_keys, lat, lng, radii, threads=given.threads)
    order = np.argsort(slots)
    return lambda: _by_counts(np.diff(found.row_offsets), order[found.slots])


def _by_matrix(given: Places) -> Pairs:
    trees = [
        KDTree(given.vectors(given.returns, given.return_keys)),
        KDTree(given.vectors(given.demands, given.demand_keys)),
    ]
    found = trees[0].sparse_distance_matrix(
        trees[1], given.chord, output_type="ndarray"
    )
    return lambda: np.column_stack((found["i"], found["j"])).astype(np.int64)


def _by_point(given: Places) -> Pairs:
    tree = KDTree(given.vectors(given.demands, given.demand_keys))
    points = given.vectors(given.returns, given.return_keys)
    found = tree.query_ball_point(points, given.chord, workers=given.threads)
    return lambda: _by_counts(
        np.array([len(each) for each in found]),
        np.concatenate([np.array(each, np.int64) for each in found]),
    )


def _ball_tree(given: Places) -> Pairs:
    from sklearn.neighbors import BallTree  # noqa: PLC0415 - optional

    # Haversine knows no keys: what is of another is sorted out afterwards.
    tree = BallTree(np.radians(given.demands), metric="haversine")
    angle = (given.radius_m + 0.5) / EARTH_RADIUS_M
    found = tree.query_radius(np.radians(given.returns), angle)
    counts = np.array([len(each) for each in found])
    pairs = _by_counts(counts, np.concatenate(found))
    same = given.return_keys[pairs[:, 0]] == given.demand_keys[pairs[:, 1]]
    return lambda: pairs[same]


def _cell_dictionary(given: Places) -> Pairs:
    # What one writes first: a dictionary by key and cell, and disks around each.
    resolution = next(
        (r for r in range(9, -1, -1) if _edge_m(r) * 2 > given.radius_m), 0
    )
    disk = 2 + int(given.radius_m / _edge_m(resolution))
    shelf: dict[tuple[int, str], list[int]] = {}
    for at, (lat, lng) in enumerate(given.demands):
        cell = h3.latlng_to_cell(lat, lng, resolution)
        shelf.setdefault((int(given.demand_keys[at]), cell), []).append(at)
    homes = unit_vectors(*given.returns.T)
    targets = unit_vectors(*given.demands.T)
    limit = given.chord**2
    pairs: list[tuple[int, int]] = []
    for row, (lat, lng) in enumerate(given.returns):
        key = int(given.return_keys[row])
        cells = h3.grid_disk(h3.latlng_to_cell(lat, lng, resolution), disk)
        near = [at for cell in cells for at in shelf.get((key, cell), ())]
        if near:
            apart = ((targets[near] - homes[row]) ** 2).sum(axis=1)
            pairs.extend((row, near[at]) for at in np.nonzero(apart <= limit)[0])
    return lambda: np.array(pairs, np.int64).reshape(-1, 2)


def _edge_m(resolution: int) -> float:
    return float(h3.average_hexagon_edge_length(resolution, unit="m"))


_GRID_JOIN = """
WITH dd AS (
    SELECT *, floor(x / $side)::INT cx, floor(y / $side)::INT cy,
           floor(z / $side)::INT cz
    FROM d
),
step AS (SELECT unnest([-1, 0, 1]) s),
rr AS (
    SELECT r.*, floor(x / $side)::INT + a.s cx, floor(y / $side)::INT + b.s cy,
           floor(z / $side)::INT + c.s cz
    FROM r, step a, step b, step c
)
SELECT rr.id AS i, dd.id AS j
FROM rr JOIN dd USING (k, cx, cy, cz)
WHERE (rr.x - dd.x) ** 2 + (rr.y - dd.y) ** 2 + (rr.z - dd.z) ** 2 <= $side ** 2
"""


def _duckdb(given: Places) -> Pairs:
    import duckdb  # noqa: PLC0415 - optional
    import pyarrow as pa  # noqa: PLC0415 - optional

    base = duckdb.connect(config={"threads": given.threads})
    for name, of, keys in (
        ("r", given.returns, given.return_keys),
        ("d", given.demands, given.demand_keys),
    ):
        x, y, z = unit_vectors(*of.T).T
        columns = {"id": np.arange(len(of)), "k": keys, "x": x, "y": y, "z": z}
        base.register(name, pa.table(columns))
    # Cells as wide as the chord: a pair is in one cell or in neighbouring ones.
    found = base.execute(_GRID_JOIN, {"side": given.chord}).fetchnumpy()
    return lambda: np.column_stack(tuple(found.values())).astype(np.int64)


def _postgis(given: Places) -> Callable[[], Pairs]:
    # Its tables are its own form of the input: loading them is not timed.
    run = postgis.join(
        (given.return_keys, given.returns),
        (given.demand_keys, given.demands),
        given.radius_m,
        given.chord,
        given.threads,
    )

    def find() -> Pairs:
        found = run()
        return lambda: found

    return find


@dataclass(frozen=True, slots=True)
class Peer:
    """
    A way to find pairs; beyond ``count_max`` places it would take minutes.

    One that does not know keys finds the pairs of all of them first.
    """

    name: str
    module: str
    find: Callable[[Places], Pairs]
    count_max: int
    knows_keys: bool = True

    @property
    def is_installed(self) -> bool:
        """Whether it can be imported; done here, it is not timed."""
        return has_module(self.module)


PEERS: tuple[Peer, ...] = (
    Peer("SciPy sparse_distance_matrix", "scipy", _by_matrix, 10**9),
    Peer("SciPy query_ball_point", "scipy", _by_point, 10**9),
    Peer("DuckDB grid join", "duckdb", _duckdb, 10**9),
    Peer("scikit-learn BallTree", "sklearn", _ball_tree, 200_000, knows_keys=False),
    Peer("h3 grid_disk dictionary", "h3", _cell_dictionary, 20_000),
)
