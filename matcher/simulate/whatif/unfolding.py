"""Timelines that nobody recorded: a snapshot at one instant, a scenario over days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from matcher.domain.demand import Demand
from matcher.domain.policy import Policy
from matcher.domain.return_item import ReturnItem
from matcher.engine.network import Network
from matcher.engine.snapshot import Snapshot
from matcher.geo import ServiceAreas
from matcher.simulate.whatif.timeline import (
    Arrival,
    DemandState,
    RoundStart,
    Setting,
    Timeline,
)


def at_once(snapshot: Snapshot, policy: Policy | None, *, now_us: int) -> Timeline:
    """Return a snapshot as a timeline: all comes in at one instant, then a round."""
    network = Network(snapshot.warehouses, ServiceAreas.of(snapshot.service_areas))
    demands = [(now_us, each) for each in snapshot.demands]
    items = [(now_us, each) for each in snapshot.return_items]
    ends_us = max((item.decide_by_us for _, item in items), default=now_us)
    timeline = _timeline(
        demands, items, Setting(now_us, 0, network, policy), [now_us], ends_us
    )
    # As one-shot planning: on which days the orders came is not known.
    return replace(timeline, has_order_days=False)


def over_days(
    snapshot: Snapshot,
    policy: Policy | None,
    rng: np.random.Generator,
    *,
    now_us: int,
    span_us: int,
    round_us: int,
) -> Timeline:
    """
    Spread what a snapshot holds over some days.

    Parameters
    ----------
    snapshot
        Demands and items, with times as if they came in at ``now_us``.
    policy
        The policy in force; a study may ask for others.
    rng
        Source of the instants, evenly over the span; each demand and each item moves
        with all its times.
    now_us, span_us
        From when on, and for how long, microseconds.
    round_us
        Time from one round to the next, microseconds.

    Returns
    -------
    Timeline
        It ends when the last item's time is up. Orders count for a demand floor from
        the day on which they come in here; there are none from before.
    """
    demands, items = snapshot.demands, snapshot.return_items
    later = np.sort(rng.integers(0, span_us, len(demands))).tolist()
    demands_in = [
        (now_us + by, _later_demand(each, by))
        for by, each in zip(later, demands, strict=True)
    ]
    later = np.sort(rng.integers(0, span_us, len(items))).tolist()
    items_in = [
        (now_us + by, _later_item(each, by))
        for by, each in zip(later, items, strict=True)
    ]
    network = Network(snapshot.warehouses, ServiceAreas.of(snapshot.service_areas))
    end_us = max((each.decide_by_us for _, each in items_in), default=now_us)
    rounds = list(range(now_us + round_us, end_us, round_us))
    setting = Setting(now_us, 0, network, policy)
    return _timeline(demands_in, items_in, setting, rounds, end_us)


def _timeline(
    demands: Sequence[tuple[int, Demand]],
    items: Sequence[tuple[int, ReturnItem]],
    setting: Setting,
    rounds_us: Sequence[int],
    end_us: int,
) -> Timeline:
    # Puts everything into one order: by instant, demands first, rounds last.
    states: list[DemandState] = []
    arrivals: list[Arrival] = []
    rounds: list[RoundStart] = []
    times_us = [setting.at_us]
    for at_us, value in _in_order(demands, items, rounds_us):
        order = len(times_us)
        times_us.append(at_us)
        if isinstance(value, Demand):
            states.append(DemandState(value, order))
        elif isinstance(value, ReturnItem):
            arrivals.append(Arrival(value, at_us, order))
        else:
            rounds.append(RoundStart(at_us, order))
    return Timeline(
        start_us=setting.at_us,
        end_us=end_us,
        demands=tuple(sorted(states, key=lambda each: each.demand.demand_id)),
        arrivals=tuple(
            sorted(arrivals, key=lambda each: (each.created_us, each.item.return_id))
        ),
        inspections=(),
        settings=(setting,),
        rounds=tuple(rounds),
        times_us=tuple(times_us),
    )


def _in_order(
    demands: Sequence[tuple[int, Demand]],
    items: Sequence[tuple[int, ReturnItem]],
    rounds_us: Sequence[int],
) -> Iterator[tuple[int, Demand | ReturnItem | None]]:
    everything: list[tuple[int, int, Demand | ReturnItem | None]] = [
        *((at_us, 0, demand) for at_us, demand in demands),
        *((at_us, 1, item) for at_us, item in items),
        *((at_us, 2, None) for at_us in rounds_us),
    ]
    for at_us, _, value in sorted(everything, key=lambda each: each[:2]):
        yield at_us, value


def _later_demand(demand: Demand, by_us: int) -> Demand:
    return replace(demand, ship_by_us=demand.ship_by_us + by_us)


def _later_item(item: ReturnItem, by_us: int) -> ReturnItem:
    evidence = item.verification
    if evidence is not None:
        evidence = replace(
            evidence,
            verify_us=_later(evidence.verify_us, by_us),
            expire_us=_later(evidence.expire_us, by_us),
        )
    return replace(
        item,
        decide_by_us=item.decide_by_us + by_us,
        refund_due_us=_later(item.refund_due_us, by_us),
        season_end_us=_later(item.season_end_us, by_us),
        verification=evidence,
    )


def _later(instant_us: int | None, by_us: int) -> int | None:
    return None if instant_us is None else instant_us + by_us
