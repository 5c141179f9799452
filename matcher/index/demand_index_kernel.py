"""
Buckets of demands by (match key, cell): a hash table of linked lists.

``table`` is ``(key, cell, head)`` arrays of a power of two in length, linear probing;
a bucket that was emptied keeps its place until the table is built anew. Each slot is
in one bucket per level: level 0 is the whole key (cell 0), the others are cells of a
resolution each. ``after`` and ``before`` are ``(slots, levels)``.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

NONE = -1
UNUSED = -2

# The same formula as in matcher/geo/sphere_kernel.py, where distance is defined; a
# compiled function's callees have to stand in its own file. A test compares them.
EARTH_RADIUS_M = 6371007.180918475


@njit(cache=True, nogil=True)
def metres_of_chord(chord2):
    """Return the arc in whole metres, half up, of a squared chord."""
    half = 0.5 * math.sqrt(chord2)
    if half > 1.0:
        half = 1.0
    return int(math.floor(2.0 * EARTH_RADIUS_M * math.asin(half) + 0.5))


@njit(cache=True, nogil=True)
def _hash(key, cell, mask):
    # Multiply and shift on 32 bits (constants of murmur3's finaliser): no product
    # leaves 64 bits, so the compiled and the plain function agree without a warning.
    low = np.uint64(0xFFFFFFFF)
    x = (cell >> np.uint64(32)) * np.uint64(0x85EBCA6B) & low
    x = ((x ^ (x >> np.uint64(13))) ^ (cell & low)) * np.uint64(0xC2B2AE35) & low
    x = ((x ^ (x >> np.uint64(16))) ^ np.uint64(key)) & low
    x = x * np.uint64(0x85EBCA6B) & low
    x = (x ^ (x >> np.uint64(13))) * np.uint64(0xC2B2AE35) & low
    return np.int64((x ^ (x >> np.uint64(16))) & np.uint64(mask))


@njit(cache=True, nogil=True)
def _find(key, cell, table_key, table_cell):
    # Position of the bucket, or of the unused place where it would be.
    mask = len(table_key) - 1
    at = _hash(key, cell, mask)
    while table_key[at] != UNUSED and (table_key[at] != key or table_cell[at] != cell):
        at = (at + 1) & mask
    return at


@njit(cache=True, nogil=True)
def insert_kernel(slots, slot_key, slot_cell, table, after, before):
    """
    Put slots into their buckets.

    Parameters
    ----------
    slots
        ``int64 (n,)``, in none.
    slot_key, slot_cell
        ``int64 (s,)`` and ``uint64 (s, levels)``, set for the slots.
    table
        ``(key, cell, head)``, with room for a new bucket per slot and level.
    after, before
        Links, ``int32 (s, levels)``.

    Returns
    -------
    int
        Buckets that were not there before.
    """
    table_key, table_cell, table_head = table
    fresh = 0
    for slot in slots:
        for level in range(after.shape[1]):
            key, cell = slot_key[slot], slot_cell[slot, level]
            at = _find(key, cell, table_key, table_cell)
            if table_key[at] == UNUSED:
                table_key[at] = key
                table_cell[at] = cell
                table_head[at] = NONE
                fresh += 1
            head = table_head[at]
            after[slot, level] = head
            before[slot, level] = NONE
            if head != NONE:
                before[head, level] = slot
            table_head[at] = slot
    return fresh


@njit(cache=True, nogil=True)
def remove_kernel(slots, slot_key, slot_cell, table, after, before):
    """Take slots, each in its buckets, out of them; arguments as in insert."""
    table_key, table_cell, table_head = table
    for slot in slots:
        for level in range(after.shape[1]):
            left, right = before[slot, level], after[slot, level]
            if left == NONE:
                at = _find(
                    slot_key[slot], slot_cell[slot, level], table_key, table_cell
                )
                table_head[at] = right
            else:
                after[left, level] = right
            if right != NONE:
                before[right, level] = left


@njit(cache=True, nogil=True)
def _gather(key, level, cells, table, after, vectors, slots, points):
    # Copy what is in some buckets of a key side by side; the arrays given are reused
    # if they are long enough. Following a link costs some 50 times a look at the copy.
    table_key, table_cell, table_head = table
    count = 0
    for cell in cells:
        at = _find(key, cell, table_key, table_cell)
        slot = table_head[at] if table_key[at] != UNUSED else NONE
        while slot != NONE:
            if count == len(slots):
                slots = np.append(slots, np.empty_like(slots))
                points = np.append(points, np.empty_like(points), 0)
            slots[count] = slot
            points[count, 0] = vectors[slot, 0]
            points[count, 1] = vectors[slot, 1]
            points[count, 2] = vectors[slot, 2]
            count += 1
            slot = after[slot, level]
    return slots, points, count


@njit(cache=True, nogil=True)
def within_kernel(queries, vectors, table, after, places, covers, limit):
    """
    Find the slots of a key within a radius, for many queries.

    Parameters
    ----------
    queries
        ``(key int64, vector float64 (q, 3), radius_m int64, chord2 float64, level
        int64, cover int64)``, each of length ``q``. No pair within the radius has a
        squared chord above ``chord2``. The buckets walked are the cells
        ``covers[0][covers[1][cover]:covers[1][cover + 1]]`` of the level; cover 0 is
        the whole key. Queries in a row with one key and cover share the walk.
    vectors
        Unit vectors of the slots, ``float64 (s, 3)``.
    table, after
        The buckets.
    places
        Pairs to make room for at first, above 0.
    covers
        ``(cells uint64, offsets int64)``.
    limit
        Pairs at most; one more ends the search.

    Returns
    -------
    tuple
        Row offsets ``int64 (q + 1,)``, slots ``int64 (e,)`` ascending in each row,
        metres ``int64 (e,)``; ``e > limit`` means that there are too many.
    """
    q_key, q_vector, q_radius, q_chord2, q_level, q_cover = queries
    cells, cover_offsets = covers
    offsets = np.zeros(len(q_key) + 1, np.int64)
    slots = np.empty(places, np.int64)
    metres = np.empty(places, np.int64)
    near_slots = np.empty(places, np.int64)
    near = np.empty((places, 3), np.float64)
    near_count = 0
    count = 0
    for q in range(len(q_key)):
        cover = q_cover[q]
        if q == 0 or q_key[q] != q_key[q - 1] or cover != q_cover[q - 1]:
            walked = cells[cover_offsets[cover] : cover_offsets[cover + 1]]
            near_slots, near, near_count = _gather(
                q_key[q], q_level[q], walked, table, after, vectors, near_slots, near
            )
        x, y, z = q_vector[q]
        for i in range(near_count):
            dx = x - near[i, 0]
            dy = y - near[i, 1]
            dz = z - near[i, 2]
            chord2 = dx * dx + dy * dy + dz * dz
            if chord2 <= q_chord2[q]:
                far = metres_of_chord(chord2)
                if far <= q_radius[q]:
                    if count == len(slots):
                        slots = np.append(slots, np.empty_like(slots))
                        metres = np.append(metres, np.empty_like(metres))
                    slots[count] = near_slots[i]
                    metres[count] = far
                    count += 1
        if count > limit:
            return offsets, slots[:count], metres[:count]
        offsets[q + 1] = count
    return offsets, slots[:count], metres[:count]


@njit(cache=True, nogil=True)
def best_kernel(queries, vectors, table, after, covers, reach_m, count):
    """
    Find the nearest few slots of a key within a radius, for many queries.

    Parameters
    ----------
    queries, vectors, table, after
        As in :func:`within_kernel`.
    covers
        ``(cells uint64, offsets int64, centres float64 (c, 3))``: best with the nearest
        cells of a cover first. A cell whose places are all farther than the last of
        ``count`` found is not walked.
    reach_m
        By level, ``float64``: no place of a cell is farther from its centre.
    count
        Slots at most for each query, above 0.

    Returns
    -------
    tuple
        Slots and metres, ``int32 (q, count)``, by metres, then slot; -1 past the last.
    """
    q_key, q_vector, q_radius, q_chord2, q_level, q_cover = queries
    cells, cover_offsets, centres = covers
    table_key, table_cell, table_head = table
    slots = np.full((len(q_key), count), np.int32(-1), np.int32)
    metres = np.full((len(q_key), count), np.int32(-1), np.int32)
    for q in range(len(q_key)):
        x, y, z = q_vector[q]
        found = 0
        last_m = q_radius[q]
        last_slot = np.int64(2**31)
        bound = q_chord2[q]
        level = q_level[q]
        for c in range(cover_offsets[q_cover[q]], cover_offsets[q_cover[q] + 1]):
            if level:
                dx = x - centres[c, 0]
                dy = y - centres[c, 1]
                dz = z - centres[c, 2]
                centre_m = metres_of_chord(dx * dx + dy * dy + dz * dz)
                # Two metres outweigh the rounding of both distances.
                if centre_m - reach_m[level] - 2.0 > last_m:
                    continue
            at = _find(q_key[q], cells[c], table_key, table_cell)
            slot = table_head[at] if table_key[at] != UNUSED else NONE
            while slot != NONE:
                dx = x - vectors[slot, 0]
                dy = y - vectors[slot, 1]
                dz = z - vectors[slot, 2]
                chord2 = dx * dx + dy * dy + dz * dz
                this, slot = slot, after[slot, level]
                if chord2 > bound:
                    continue
                far = metres_of_chord(chord2)
                if far > last_m or (far == last_m and this > last_slot):
                    continue
                i = found if found < count else count - 1
                found = i + 1
                while i > 0 and (
                    metres[q, i - 1] > far
                    or (metres[q, i - 1] == far and slots[q, i - 1] > this)
                ):
                    metres[q, i] = metres[q, i - 1]
                    slots[q, i] = slots[q, i - 1]
                    i -= 1
                metres[q, i] = far
                slots[q, i] = this
                if found == count:
                    last_m = np.int64(metres[q, count - 1])
                    last_slot = np.int64(slots[q, count - 1])
                    half = 0.5 * (last_m + 2.0) / EARTH_RADIUS_M
                    bound = min(bound, (2.0 * math.sin(half)) ** 2)
    return slots, metres


@njit(cache=True, nogil=True)
def restore_kernel(order, offsets, slots, metres):
    """
    Put rows back into the order of the queries that they belong to.

    Parameters
    ----------
    order
        ``int64 (q,)``: the query of each row, a permutation.
    offsets, slots, metres
        The rows, as :func:`within_kernel` gives them.

    Returns
    -------
    tuple
        Offsets, slots and metres, new arrays, a row per query.
    """
    restored = np.zeros_like(offsets)
    for row in range(len(order)):
        restored[order[row] + 1] = offsets[row + 1] - offsets[row]
    restored = np.cumsum(restored)
    out_slots = np.empty(len(slots), np.int32)
    out_metres = np.empty(len(metres), np.int32)
    for row in range(len(order)):
        to = restored[order[row]]
        for i in range(offsets[row], offsets[row + 1]):
            out_slots[to] = slots[i]
            out_metres[to] = metres[i]
            to += 1
    return restored, out_slots, out_metres


@njit(cache=True, nogil=True)
def key_slots_kernel(key, count, table, after):
    """Return the slots of a key, ``int64 (count,)``, in no order."""
    table_key, table_cell, table_head = table
    out = np.empty(count, np.int64)
    at = _find(key, np.uint64(0), table_key, table_cell)
    slot = table_head[at] if table_key[at] != UNUSED else NONE
    i = 0
    while slot != NONE:
        out[i] = slot
        i += 1
        slot = after[slot, 0]
    return out


@njit(cache=True, nogil=True)
def nearest_kernel(vectors, slots, points, out_slot, out_metres):
    """
    Find the nearest of some slots to each point; ties go to the lowest slot.

    Parameters
    ----------
    vectors
        Unit vectors of all slots.
    slots
        ``int64 (k,)``, one or more.
    points
        ``float64 (q, 3)``.
    out_slot, out_metres
        ``int64 (q,)``, written.
    """
    for q in range(len(points)):
        best = np.int64(-1)
        best_m = np.int64(2**62)
        # Squared chords above the bound are farther than the best: two metres more
        # than its distance outweigh the rounding even between antipodes.
        bound = 5.0
        for slot in slots:
            dx = points[q, 0] - vectors[slot, 0]
            dy = points[q, 1] - vectors[slot, 1]
            dz = points[q, 2] - vectors[slot, 2]
            chord2 = dx * dx + dy * dy + dz * dz
            if chord2 > bound:
                continue
            far = metres_of_chord(chord2)
            if far < best_m or (far == best_m and slot < best):
                best = slot
                best_m = far
                half = 0.5 * (far + 2.0) / EARTH_RADIUS_M
                if half < 0.5 * math.pi:
                    bound = (2.0 * math.sin(half)) ** 2
        out_slot[q] = best
        out_metres[q] = best_m
