"""Items brought into the order of their keys and codes, in parts that threads share."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def group_kernel(key, ahead, order):
    """
    Put the items of a key side by side.

    Parameters
    ----------
    key
        ``int64 (n,)``, 0 or more.
    ahead
        ``int64 (k,)``: where each key begins; used up.
    order
        ``int64 (n,)``, written: the item at each place, those of a key as they came.
    """
    for i in range(len(key)):
        order[ahead[key[i]]] = i
        ahead[key[i]] += 1


@njit(cache=True, nogil=True)
def sort_groups_kernel(first, stop, bounds, few, code, order):
    """
    Sort the items of each key by their codes, where there are more than a few.

    Parameters
    ----------
    first, stop
        Keys to look at; several threads may look at different ones.
    bounds
        ``int64 (k + 1,)``: where each key begins and ends.
    few
        Keys of so many items or fewer stay as they are.
    code
        ``uint64 (n,)``: of each item.
    order
        ``int64 (n,)`` from :func:`group_kernel`; changed.
    """
    for key in range(first, stop):
        begin, end = bounds[key], bounds[key + 1]
        if end - begin > few:
            part = order[begin:end].copy()
            order[begin:end] = part[np.argsort(code[part])]


@njit(cache=True, nogil=True)
def gather_places_kernel(start, stop, order, columns, out):
    """
    Copy places into another order.

    Parameters
    ----------
    start, stop
        Places of the new order; several threads may write different ones.
    order
        ``int64 (n,)``: the item at each place.
    columns
        ``(code uint64 (n,), vector float64 (n, 3), slot int64 (n,))``.
    out
        The same in the new order, written; slots ``int32``.
    """
    code, vector, slot = columns
    out_code, out_vector, out_slot = out
    for at in range(start, stop):
        i = order[at]
        out_code[at] = code[i]
        out_vector[at, 0] = vector[i, 0]
        out_vector[at, 1] = vector[i, 1]
        out_vector[at, 2] = vector[i, 2]
        out_slot[at] = slot[i]


@njit(cache=True, nogil=True)
def gather_queries_kernel(start, stop, order, columns, out):
    """
    Copy queries into another order.

    Parameters
    ----------
    start, stop, order
        As in :func:`gather_places_kernel`.
    columns
        ``(place float64 (n, 2), key int64 (n,), reach int64 (n,))``.
    out
        ``float64 (n, 4)``, written: latitude, longitude, key, reach.
    """
    place, key, reach = columns
    for at in range(start, stop):
        i = order[at]
        out[at, 0] = place[i, 0]
        out[at, 1] = place[i, 1]
        out[at, 2] = key[i]
        out[at, 3] = reach[i]
