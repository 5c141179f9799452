"""A solved market with all that judging another pair of it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matcher.domain.ids import DemandId, ReturnId
from matcher.domain.latlng import LatLng
from matcher.domain.match_limit import LimitKey, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import RADIUS_M_MAX, CategoryRule, Policy
from matcher.engine.market import Market, PoolItem, collect
from matcher.engine.match_groups import PairKeys, zone_limits
from matcher.engine.network import Network
from matcher.engine.network_book import DAY_US
from matcher.engine.open_demands import OpenDemands
from matcher.engine.plan import Plan, open_demands
from matcher.engine.records import DemandRecord
from matcher.engine.round_solve import SolvedMarket
from matcher.engine.round_task import RoundTask
from matcher.engine.snapshot import Snapshot
from matcher.geo import ServiceAreas
from matcher.solve import Assignment

IntArray = NDArray[np.int64]

# A pair that saves nothing, or costs, is looked at too: how much is missing?
_ANY_SAVING = -(1 << 59)


@dataclass(frozen=True, slots=True)
class Pairs:
    """
    Demands that an item could have, whatever they save, by id of the demand.

    ``demand_ids`` name them; ``distance_m`` and ``saving`` are ``int64`` of the same
    length, ``units`` ``int32``: what each had open.
    """

    demand_ids: tuple[str, ...]
    distance_m: IntArray
    saving: IntArray
    units: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class SettledMarket:
    """
    What a plan or a round decided on, and what it knew besides.

    Parameters
    ----------
    solved
        Its rows and columns, and its answer, proven optimal.
    keys
        What they count for under match limits.
    taken
        Places under those that matches of the day had before.
    demands
        Every demand that was open, those that are no column too. Used by one thread
        at a time.
    network, remaining
        The network, and the units that each of its warehouses still took.
    policy
        The policy in force.
    now_us
        The instant of the market.
    """

    solved: SolvedMarket
    keys: PairKeys
    taken: Mapping[LimitKey, int]
    demands: OpenDemands
    network: Network
    remaining: IntArray
    policy: Policy
    now_us: int

    @classmethod
    def of_plan(
        cls, snapshot: Snapshot, policy: Policy, plan: Plan, now_us: int
    ) -> SettledMarket:
        """Return the market of a plan, which is an optimum, from what was planned."""
        network = Network(snapshot.warehouses, ServiceAreas.of(snapshot.service_areas))
        demands = open_demands(snapshot, network, now_us)
        return cls(
            plan.solved,
            plan.keys,
            plan.taken,
            demands,
            network,
            network.daily_capacity,
            policy,
            now_us,
        )

    @classmethod
    def of_round(
        cls, task: RoundTask, solved: SolvedMarket, demands: Iterable[DemandRecord]
    ) -> SettledMarket:
        """
        Return the market of a round.

        Parameters
        ----------
        task, solved
            The round and its answer.
        demands
            Those that were open when it began, by id.
        """
        known = OpenDemands(task.terms.network)
        known.update(demands)
        return cls(
            solved,
            task.keys,
            task.taken,
            known,
            task.terms.network,
            task.remaining,
            task.policy,
            task.started_us,
        )

    @property
    def market(self) -> Market:
        """Its rows and columns."""
        return self.solved.market

    @property
    def assignment(self) -> Assignment:
        """Its answer."""
        return self.solved.assignment

    @property
    def is_plain(self) -> bool:
        """
        Whether what hangs together is all that shares an answer.

        So it is where the saving is the objective and no match limit holds others
        together.
        """
        policy = self.policy
        return policy.objective is Objective.MAX_SAVING and not policy.match_limits

    def row_of(self, return_id: ReturnId) -> int | None:
        """Return the row of an item; ``None`` for one that the market did not have."""
        rows = (
            row
            for row, entry in enumerate(self.market.items)
            if entry.item.return_id == return_id
        )
        return next(rows, None)

    def location(self, demand_id: str) -> LatLng:
        """Return where a demand is; it must have been open."""
        row = self.demands.row(DemandId(demand_id))
        return self.demands.record(row).demand.location

    @property
    def day(self) -> int:
        """The UTC day whose places count, days since the epoch."""
        return self.now_us // DAY_US

    def left(self, key: LimitKey, limit: MatchLimit) -> int:
        """Return how many places a limit had; below 0 where too many were taken."""
        return limit.count_max - self.taken.get(key, 0)

    def keys_of(self, demand_ids: Iterable[str]) -> PairKeys:
        """Return what its rows, and some demands as columns, count for."""
        if not zone_limits(self.policy.match_limits):
            return self.keys
        return self.keys.with_places([self.location(each) for each in demand_ids])

    def pairs(self, items: Sequence[PoolItem]) -> list[Pairs]:
        """Return every pair of each item, however far and whatever it saves."""
        market = collect(
            [replace(each, rule=_open(each.rule)) for each in items],
            self.demands,
            self.network,
            self.policy,
            remaining=self.remaining,
            now_us=self.now_us,
        )
        ids = [record.demand.demand_id for record in market.demands]
        graph = market.graph
        found: list[Pairs] = []
        for row in range(graph.row_count):
            start, stop = graph.row_offsets[row : row + 2]
            columns = graph.columns[start:stop]
            found.append(
                Pairs(
                    tuple(ids[column] for column in columns.tolist()),
                    market.distance_m[start:stop],
                    graph.saving[start:stop],
                    graph.capacity[columns],
                )
            )
        return found


def _open(rule: CategoryRule) -> CategoryRule:
    return replace(rule, radius_m=RADIUS_M_MAX, min_saving_micros=_ANY_SAVING)
