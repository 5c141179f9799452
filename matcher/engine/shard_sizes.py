"""How much a shard holds, in numbers only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShardSizes:
    """
    What a shard holds at an instant.

    Parameters
    ----------
    waiting_count
        Return items that wait for a buyer.
    hold_count
        Units that are held for a match.
    demand_count
        Demands with an open or a held unit.
    indexed_count
        Demands in the index; the ones that came since the last round are not in it.
    index_bytes
        Memory of the index.
    shadow_count
        Items that were kept out and are asked about.
    policy_version
        The one in force; 0 for none.
    cap_basis_points, eligible_count, admitted_count
        The volume cap, and what its window has counted; 0 without a cap.
    """

    waiting_count: int
    hold_count: int
    demand_count: int
    indexed_count: int
    index_bytes: int
    shadow_count: int
    policy_version: int
    cap_basis_points: int
    eligible_count: int
    admitted_count: int
