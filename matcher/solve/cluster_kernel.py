"""Rows and columns numbered so that neighbours are close to one another in memory."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def lowest_kernel(graph, label, lowest):
    """
    Find the lowest label among the rows of each column.

    Parameters
    ----------
    graph
        ``(row_offsets, columns, saving, capacity)`` as in ``CandidateGraph``.
    label
        ``int32 (n,)``: of each row.
    lowest
        ``int32 (m,)``, written; ``n`` for a column without a row.
    """
    offsets, columns, _, _ = graph
    lowest[:] = len(label)
    for i in range(len(label)):
        here = label[i]
        for e in range(offsets[i], offsets[i + 1]):
            j = columns[e]
            if here < lowest[j]:
                lowest[j] = here


@njit(cache=True, nogil=True)
def reach_kernel(start, stop, graph, label, lowest, reach):
    """
    Find the lowest label that each row shares a column with.

    Parameters
    ----------
    start, stop
        Rows to look at; several threads may look at different ones.
    graph, label, lowest
        As in :func:`lowest_kernel`.
    reach
        ``int32 (n,)``, written from ``start`` to ``stop``: never above the row's own.
    """
    offsets, columns, _, _ = graph
    for i in range(start, stop):
        least = label[i]
        for e in range(offsets[i], offsets[i + 1]):
            least = min(least, lowest[columns[e]])
        reach[i] = least


@njit(cache=True, nogil=True)
def join_kernel(label, reach, above):
    """
    Join each cluster to the lowest one that its rows reach, and that one to its own.

    Parameters
    ----------
    label
        ``int32 (n,)``, the cluster of each row; written: its cluster from now on.
    reach
        ``int32 (n,)`` from :func:`reach_kernel`.
    above
        ``int32 (c,)``, written: the number of the cluster that each of the ``c`` has
        become a part of. Numbers rise with the lowest cluster in it.

    Returns
    -------
    int
        Clusters that there are now.
    """
    for c in range(len(above)):
        above[c] = c
    for i in range(len(label)):
        above[label[i]] = min(above[label[i]], reach[i])
    count = 0
    for c in range(len(above)):
        # What it joins comes before it, so that has its new number already.
        if above[c] == c:
            above[c] = count
            count += 1
        else:
            above[c] = above[above[c]]
    for i in range(len(label)):
        label[i] = above[label[i]]
    return count


@njit(cache=True, nogil=True)
def place_kernel(group, count):
    """
    Return where each item comes if groups follow one another, ``int32 (k,)``.

    Parameters
    ----------
    group
        ``int32 (k,)``, 0 to ``count - 1``; within a group items keep their order.
    count
        Number of groups.
    """
    first = np.zeros(count + 1, np.int32)
    for at in group:
        first[at + 1] += 1
    for g in range(count):
        first[g + 1] += first[g]
    place = np.empty(len(group), np.int32)
    for k in range(len(group)):
        place[k] = first[group[k]]
        first[group[k]] += 1
    return place
