"""Named limits and margins of a shard."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from matcher.domain.errors import InvalidValueError

#: When a full shard may take more: what is settled makes room by then, if anything.
FULL_RETRY_S = 10


@dataclass(frozen=True, slots=True)
class ShardLimits:
    """
    What a shard holds at most, and how early it acts.

    Parameters
    ----------
    demand_count_max
        Demands that may be open or held at once.
    pool_count_max
        Return items that may wait or be matched at once.
    decide_margin_us
        How long before its decide-by time a waiting item goes to a warehouse.
    round_lead_us
        How long before that a last round is closed for it.
    shadow_count_max
        Items that were kept out and are asked about at once; whoever comes beyond it
        is counted and not asked about. 0 asks about nobody.
    """

    demand_count_max: int = 2_000_000
    pool_count_max: int = 1_000_000
    decide_margin_us: int = 1_000_000
    round_lead_us: int = 5_000_000
    shadow_count_max: int = 100_000

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value < 0:
                raise InvalidValueError(each.name, value, "0 or more")


def with_counts_of(counts: ShardLimits, limits: ShardLimits) -> ShardLimits:
    """Return limits with what may be held taken from others, which may change."""
    return replace(
        limits,
        demand_count_max=counts.demand_count_max,
        pool_count_max=counts.pool_count_max,
    )
