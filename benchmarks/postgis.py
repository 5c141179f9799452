"""PostgreSQL with PostGIS, on a server of its own in a temporary folder."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.measurement import has_module
from matcher.geo import unit_vectors

if TYPE_CHECKING:
    import psycopg

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

# PostgreSQL will not run as root; this user comes with its package.
_USER = "postgres"

_OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "shared_buffers": "1GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "1GB",
    "jit": "off",
}

# A pair as COPY sends it: how many values, then the length of each before it.
_PAIR = np.dtype(
    [("n", ">i2"), ("i_size", ">i4"), ("i", ">i4"), ("j_size", ">i4"), ("j", ">i4")]
)
_HEADER_BYTES = 19
_END_BYTES = 2

# PostGIS has a sphere of its own, 1.6 m wider, and rounds otherwise: a little more than
# the radius is asked of its index, and the exact chord of what it finds.
_RADIUS_SHARE = 1.001
_RADIUS_MORE_M = 1.0

_TABLES = """
DROP TABLE IF EXISTS r; DROP TABLE IF EXISTS d;
CREATE TABLE r (id int, k int, lng float8, lat float8, x float8, y float8, z float8);
CREATE TABLE d (LIKE r);
"""
_PLACES = """
ALTER TABLE {0} ADD g geography(point);
UPDATE {0} SET g = ST_MakePoint(lng, lat)::geography;
"""
_INDEX = "CREATE INDEX ON d USING gist (k, g); ANALYZE d; ANALYZE r;"
_JOIN = """
COPY (
    SELECT r.id, d.id
    FROM r JOIN d ON r.k = d.k AND ST_DWithin(r.g, d.g, {radius}, false)
    WHERE (r.x - d.x) ^ 2 + (r.y - d.y) ^ 2 + (r.z - d.z) ^ 2 <= {chord2}
) TO STDOUT (FORMAT binary)
"""


def why_not() -> str | None:
    """Return why it cannot be compared here, or nothing."""
    if not has_module("psycopg"):
        return "psycopg is not installed"
    if _programs() is None:
        return "PostgreSQL is not installed"
    if not list(Path("/usr/share/postgresql").glob("*/extension/postgis.control")):
        return "PostGIS is not installed"
    return None


def join(
    returns: tuple[IntArray, FloatArray],
    demands: tuple[IntArray, FloatArray],
    radius_m: int,
    chord: float,
    threads: int,
) -> Callable[[], IntArray]:
    """
    Load two tables, and return what makes an index and joins them.

    Parameters
    ----------
    returns, demands
        Keys ``int64 (n,)`` and degrees ``float64 (n, 2)`` of each.
    radius_m
        Metres.
    chord
        The same as a chord of the unit sphere.
    threads
        Processes that may scan.

    Returns
    -------
    callable
        Returns pairs of return and demand, ``int64 (e, 2)``, in no order.
    """
    base = _server()
    with base.cursor() as cursor:
        cursor.execute(_TABLES)
        cursor.execute(f"SET max_parallel_workers_per_gather = {threads - 1}")
        for name, (keys, places) in (("r", returns), ("d", demands)):
            copy = f"COPY {name} FROM STDIN"
            rows = np.column_stack((places[:, ::-1], unit_vectors(*places.T)))
            with cursor.copy(copy) as table:
                for at, (key, row) in enumerate(
                    zip(keys.tolist(), rows.tolist(), strict=True)
                ):
                    table.write_row((at, key, *row))
            cursor.execute(_PLACES.format(name))
    reach = radius_m * _RADIUS_SHARE + _RADIUS_MORE_M

    def run() -> IntArray:
        with base.cursor() as cursor:
            cursor.execute(_INDEX)
            with cursor.copy(_JOIN.format(radius=reach, chord2=repr(chord**2))) as out:
                data = b"".join(out)
        rows = np.frombuffer(data[_HEADER_BYTES:-_END_BYTES], _PAIR)
        return np.column_stack((rows["i"], rows["j"])).astype(np.int64)

    return run


def _programs() -> Path | None:
    # Debian keeps them off the path, by version.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    name = str(found[-1]) if found else shutil.which("initdb")
    return Path(name).parent if name else None


@cache
def _server() -> psycopg.Connection:
    import psycopg  # noqa: PLC0415 - optional

    folder = _programs()
    assert folder is not None
    home = Path(tempfile.mkdtemp(prefix="nearturn-postgis-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    user = _USER if os.geteuid() == 0 else None
    if user:
        shutil.chown(home, user)

    def run(*command: str) -> None:
        subprocess.run(  # noqa: S603 - PostgreSQL's own programs, by their full paths
            [str(folder / command[0]), *command[1:]],
            user=user,
            cwd=home,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    data = str(home / "data")
    run("initdb", "-D", data, "-A", "trust", "-U", _USER, "--no-sync")
    options = " ".join(f"-c {name}='{value}'" for name, value in _OPTIONS.items())
    run("pg_ctl", "-D", data, "-w", "-o", f"-k {home} {options}", "start")
    atexit.register(run, "pg_ctl", "-D", data, "-m", "immediate", "stop")
    base = psycopg.connect(host=str(home), user=_USER, dbname=_USER, autocommit=True)
    base.execute("CREATE EXTENSION postgis; CREATE EXTENSION btree_gist;")
    atexit.register(base.close)
    return base
