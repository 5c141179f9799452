"""Unit vectors and metres between them: the one definition of distance."""

from __future__ import annotations

import math

from numba import njit

# Radius of the sphere that H3 uses: that of the authalic sphere of WGS 84.
EARTH_RADIUS_M = 6371007.180918475


@njit(cache=True, nogil=True)
def metres_of_chord(chord2):
    """Return the arc of a squared chord of the unit sphere, whole metres, half up."""
    half = 0.5 * math.sqrt(chord2)
    if half > 1.0:
        half = 1.0
    return int(math.floor(2.0 * EARTH_RADIUS_M * math.asin(half) + 0.5))


@njit(cache=True, nogil=True)
def unit_vectors_kernel(lat, lng, out):
    """
    Write the unit vector of each place.

    Parameters
    ----------
    lat, lng
        Degrees, ``float64 (n,)``, finite and in range.
    out
        ``float64 (n, 3)``, written.
    """
    for i in range(len(lat)):
        phi = math.radians(lat[i])
        theta = math.radians(lng[i])
        out[i, 0] = math.cos(phi) * math.cos(theta)
        out[i, 1] = math.cos(phi) * math.sin(theta)
        out[i, 2] = math.sin(phi)


@njit(cache=True, nogil=True)
def distance_kernel(a, b, out):
    """
    Write the distance of each pair of unit vectors.

    Parameters
    ----------
    a, b
        ``float64 (n, 3)``.
    out
        ``int64 (n,)``, metres, written.
    """
    for i in range(len(a)):
        dx = a[i, 0] - b[i, 0]
        dy = a[i, 1] - b[i, 1]
        dz = a[i, 2] - b[i, 2]
        out[i] = metres_of_chord(dx * dx + dy * dy + dz * dz)


@njit(cache=True, nogil=True)
def distance_table_kernel(a, b, out):
    """
    Write the distance of every pair of two lists of unit vectors.

    Parameters
    ----------
    a, b
        ``float64 (n, 3)`` and ``(m, 3)``.
    out
        ``int64 (n, m)``, metres, written.
    """
    for i in range(len(a)):
        for j in range(len(b)):
            dx = a[i, 0] - b[j, 0]
            dy = a[i, 1] - b[j, 1]
            dz = a[i, 2] - b[j, 2]
            out[i, j] = metres_of_chord(dx * dx + dy * dy + dz * dz)
