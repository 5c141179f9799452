"""Which nodes of a graph hang together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Nodes = NDArray[np.signedinteger]


def components(size: int, *links: tuple[Nodes, Nodes]) -> NDArray[np.int32]:
    """
    Tell the parts of an undirected graph apart.

    Parameters
    ----------
    size
        Nodes.
    links
        Pairs of arrays of equal length: the two ends of each edge.

    Returns
    -------
    numpy.ndarray
        ``int32 (size,)``, the part of each node, from 0.
    """
    start = np.concatenate([each for each, _ in links])
    end = np.concatenate([each for _, each in links])
    table = coo_array((np.ones(len(start), np.int8), (start, end)), (size, size))
    _, part = connected_components(table, directed=False)
    return np.asarray(part, np.int32)
