"""Who waits on although a younger item got what it could have had."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from matcher.engine.market import Market


def overtaken_rows(
    market: Market,
    columns: Sequence[int],
    kept: Collection[int],
    waits: Collection[int],
) -> list[int]:
    """
    Return the rows that wait while a younger row got a unit that they could have had.

    Parameters
    ----------
    market
        Rows stand in canonical order: older items first, then by id.
    columns
        The column of each row, -1 for none.
    kept
        Rows whose match was made.
    waits
        Rows that wait on.

    Returns
    -------
    list of int
        Rising, so the first is the one that waits for the longest.

    Notes
    -----
    A round maximises over all items together, so a younger one goes first where that
    saves more. Between equals the older one does. ``O(edges)``.
    """
    column = np.asarray(columns, np.int64)
    made = np.array(sorted(kept), np.int64)
    youngest = np.full(len(market.demands), -1, np.int64)
    np.maximum.at(youngest, column[made], made)
    graph = market.graph
    row = np.repeat(np.arange(len(column)), np.diff(graph.row_offsets))
    is_waiting = np.zeros(len(column), np.bool_)
    is_waiting[np.array(sorted(waits), np.int64)] = True
    is_overtaken = is_waiting[row] & (youngest[graph.columns] > row)
    rows: list[int] = np.unique(row[is_overtaken]).tolist()
    return rows
