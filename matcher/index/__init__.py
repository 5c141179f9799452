"""The dynamic demand index; imports the domain and geo."""

from matcher.index.demand_index import DemandIndex, Neighbours, warm_up

__all__ = ["DemandIndex", "Neighbours", "warm_up"]
