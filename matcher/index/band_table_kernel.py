"""
Look-ups in demands that lie sorted by key, latitude band and longitude.

A code of 64 bits orders the demands: the key (27 bits), the band (15) and the longitude
in steps of some ten metres (22). Codes of queries and of demands come from the same
arithmetic, so a range of longitudes is a range of codes.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

BAND_BITS = 15
LNG_BITS = 22

# A pair is packed into one integer: the slot above, the metres below.
METRES_BITS = 20

# As in sphere_kernel.py, where distance is defined: a compiled function's callees have
# to stand in its own file. A test compares them.
EARTH_RADIUS_M = 6371007.180918475

# Keys of so few demands are scanned whole.
SCANNED_WHOLE = 24

_BANDS = 1 << BAND_BITS
_LNG_STEPS_PER_DEGREE = ((1 << LNG_BITS) - 1) / 360.0


@njit(cache=True, nogil=True)
def metres_of_chord(chord2):
    """Return the arc in whole metres, half up, of a squared chord."""
    half = 0.5 * math.sqrt(chord2)
    if half > 1.0:
        half = 1.0
    return int(math.floor(2.0 * EARTH_RADIUS_M * math.asin(half) + 0.5))


@njit(cache=True, nogil=True)
def _band(lat, bands_per_degree):
    band = int((lat + 90.0) * bands_per_degree)
    return min(max(band, 0), _BANDS - 1)


@njit(cache=True, nogil=True)
def _lng_step(lng):
    return int((lng + 180.0) * _LNG_STEPS_PER_DEGREE)


@njit(cache=True, nogil=True)
def _code(key, band, step):
    above = np.uint64((key << BAND_BITS) | band) << np.uint64(LNG_BITS)
    return above | np.uint64(step)


@njit(cache=True, nogil=True)
def codes_kernel(key, place, bands_per_degree):
    """
    Return the code of each place, ``uint64 (n,)``.

    Parameters
    ----------
    key
        ``int64 (n,)``.
    place
        Degrees, ``float64 (n, 2)``: latitude, longitude.
    bands_per_degree
        Of each key, ``float64 (k,)``; keys beyond it count as having one band.
    """
    out = np.empty(len(key), np.uint64)
    for i in range(len(key)):
        scale = bands_per_degree[key[i]] if key[i] < len(bands_per_degree) else 0.0
        band = _band(place[i, 0], scale)
        out[i] = _code(key[i], band, _lng_step(place[i, 1]))
    return out


@njit(cache=True, nogil=True)
def _first_at_least(code, low, high, wanted, guess):
    # Position of the first code in [low, high) that is not below the one wanted:
    # by ever longer steps from a guess, then by halves. Guesses are mostly right.
    at = min(max(guess, low), high)
    step = 1
    if at < high and code[at] < wanted:
        while at < high and code[at] < wanted:
            low = at + 1
            at += step
            step *= 2
        high = min(at, high)
    else:
        while at > low and code[at - 1] >= wanted:
            high = at - 1
            at -= step
            step *= 2
        low = max(at, low)
    while low < high:
        middle = (low + high) >> 1
        if code[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _near_metres(chord2):
    # The series of the arc sine, good to 1e-7 m up to 600 km; where the rounding is
    # that near to a half, the definition itself decides.
    square = 0.25 * chord2
    half = math.sqrt(square)
    series = 15.0 / 336.0 + square * (105.0 / 3456.0)
    series = 1.0 / 6.0 + square * (3.0 / 40.0 + square * series)
    metres = 2.0 * EARTH_RADIUS_M * half * (1.0 + square * series) + 0.5
    whole = int(metres)
    if abs(metres - whole - 0.5) > 0.5 - 1e-6:
        return metres_of_chord(chord2)
    return whole


@njit(cache=True, nogil=True)
def bands_within_kernel(rows, queries, reaches, table, near, counts, found):
    """
    Find the slots of a key within a radius, for as many queries as there is room.

    Parameters
    ----------
    rows
        ``(first, stop)``: which queries are asked for.
    queries
        ``float64 (q, 4)``: latitude and longitude in degrees, key, position of the
        reach. Answered soonest in the order of their codes.
    reaches
        ``float64 (h, 4)``: radius in metres; the squared chord above which no pair is
        within it; its angle with some room, in degrees, and the sine of that.
    table
        ``(code uint64, vector float64 (n, 3), slot int32, key_start int64,
        bands_per_degree float64)``: the demands by code, where each key begins, and its
        bands.
    near
        ``(int64 (k,), float64 (k,))``: as long as the largest key; overwritten.
    counts
        ``int64 (q,)``: pairs of each query, written.
    found
        ``int64``, written: the pairs query by query, ``slot << 20 | metres``.

    Returns
    -------
    tuple of int
        The row to go on with, pairs written, and the room that this row needs at most.
    """
    code, vectors, slots, key_start, bands_per_degree = table
    near_at, near_chord2 = near
    # Where the range of the last query of a band began and ended.
    first_of = np.zeros(128, np.int64)
    last_of = np.zeros(128, np.int64)
    count = 0
    for row in range(rows[0], rows[1]):
        lat, lng = queries[row, 0], queries[row, 1]
        key, reach = int(queries[row, 2]), int(queries[row, 3])
        counts[row] = 0
        if key < 0 or key >= len(bands_per_degree):
            continue
        radius, chord2_max = reaches[reach, 0], reaches[reach, 1]
        far_lat, sine = reaches[reach, 2], reaches[reach, 3]
        begin, end = key_start[key], key_start[key + 1]
        phi, theta = math.radians(lat), math.radians(lng)
        flat = math.cos(phi)
        x, y, z = flat * math.cos(theta), flat * math.sin(theta), math.sin(phi)
        far_lng = 360.0
        if abs(lat) + far_lat < 90.0 and sine < 0.9999 * flat:
            # The tangent of an angle is above the angle, and no arc sine.
            far = sine / flat
            far_lng = min(far_lng, math.degrees(far / math.sqrt(1 - far * far)))
            far_lng += 1e-6
        scale = bands_per_degree[key]
        band, last = _band(lat - far_lat, scale), _band(lat + far_lat, scale)
        whole = end - begin <= SCANNED_WHOLE
        # Beyond the antimeridian a circle goes on at the other end of the band.
        turn, turns = 0, 1
        if far_lng < 180.0 and abs(lng) + far_lng > 180.0:
            turns = 2
        near_count = 0
        while band <= last:
            start, stop = begin, end
            if not whole:
                shift = 0.0 if turn == 0 else (-360.0 if lng > 0.0 else 360.0)
                west = max(lng - far_lng + shift, -180.0)
                east = min(lng + far_lng + shift, 180.0)
                finger = 2 * (band & 63) + turn
                wanted = _code(key, band, _lng_step(west))
                start = _first_at_least(code, begin, end, wanted, first_of[finger])
                wanted = _code(key, band, _lng_step(east)) + np.uint64(1)
                stop = _first_at_least(code, start, end, wanted, last_of[finger])
                first_of[finger], last_of[finger] = start, stop
            # Without a branch on the test: hits and misses come in no order.
            for i in range(start, stop):
                dx = x - vectors[i, 0]
                dy = y - vectors[i, 1]
                dz = z - vectors[i, 2]
                chord2 = dx * dx + dy * dy + dz * dz
                near_at[near_count] = i
                near_chord2[near_count] = chord2
                near_count += chord2 <= chord2_max
            turn += 1
            if whole:
                break
            if turn == turns:
                turn = 0
                band += 1
        if count + near_count > len(found):
            return row, count, near_count
        first = count
        for i in range(near_count):
            metres = _near_metres(near_chord2[i])
            found[count] = (np.int64(slots[near_at[i]]) << METRES_BITS) | metres
            count += metres <= radius
        counts[row] = count - first
    return rows[1], count, 0


@njit(cache=True, nogil=True)
def place_rows_kernel(order, counts, found, offsets, out_slots, out_metres):
    """
    Unpack pairs to where their queries want them.

    Parameters
    ----------
    order
        ``int64 (r,)``: the query of each row.
    counts
        ``int64 (r,)``: pairs of each row.
    found
        The rows' pairs, packed, end to end.
    offsets
        ``int64``: where each query's pairs begin.
    out_slots, out_metres
        ``int32``, written.
    """
    at = 0
    for row in range(len(order)):
        to = offsets[order[row]]
        for i in range(at, at + counts[row]):
            out_slots[to] = found[i] >> METRES_BITS
            out_metres[to] = found[i] & ((1 << METRES_BITS) - 1)
            to += 1
        at += counts[row]
