"""The return side of a scenario."""

from __future__ import annotations

import numpy as np

from matcher.domain.ids import ReturnId
from matcher.domain.latlng import LatLng
from matcher.domain.return_item import Channel, ReturnItem, ReturnPath, TransitState
from matcher.simulate.buyers import SEGMENTS
from matcher.simulate.catalogue import Catalogue
from matcher.simulate.draws import BoolArray, Draws, IntArray
from matcher.simulate.evidence import make_evidence
from matcher.simulate.facts import make_facts
from matcher.simulate.faults import Fault, draw_faults
from matcher.simulate.params import ScenarioParams
from matcher.simulate.terrain import Terrain

CHANNELS = (
    (Channel.WEB, 45),
    (Channel.APP, 40),
    (Channel.STORE, 5),
    (Channel.SUPPORT, 10),
)
PATHS = ((ReturnPath.UNSPECIFIED, 60), (ReturnPath.CARRIER, 40))
GONE = ((TransitState.IN_TRANSIT, 80), (TransitState.RECEIVED, 20))
#: Hours until the route must be final.
DECIDE_BY_HOURS = ((2, 24, 15), (24, 72, 55), (72, 120, 30))
#: Return items per customer, on average.
RETURNS_PER_CUSTOMER = 1.2

_REFUND_US = 14 * 24 * 3_600_000_000


def make_returns(
    params: ScenarioParams,
    terrain: Terrain,
    catalogue: Catalogue,
    draws: Draws,
    count: int,
    now_us: int,
) -> tuple[ReturnItem, ...]:
    """
    Draw the return items of a scenario.

    Place and SKU are drawn like those of the demands; faults, facts and evidence
    as their modules say; channel, path, segment and decide-by time independently
    from the tables of this module. Refunds are due 14 days on, whatever happens.
    """
    points = terrain.points(draws, count, params.clustering)
    sku = catalogue.draw(draws, count).tolist()
    faults = draw_faults(draws, count, params.share_eligible)
    facts = make_facts(draws, faults, now_us)
    evidence = make_evidence(draws, faults, now_us)
    channel, channels = draws.pick(CHANNELS, count)
    segment, segments = draws.pick(SEGMENTS, count)
    decide_by_us = (now_us + draws.spell_us(DECIDE_BY_HOURS, count)).tolist()
    customer = draws.whole(1, max(1, int(count / RETURNS_PER_CUSTOMER)), count)
    alone = ~faults[Fault.SEVERAL_ITEMS]
    siblings = np.where(alone, 1, draws.whole(2, 4, count)).tolist()
    consents = (~faults[Fault.NO_CONSENT]).tolist()
    path = _paths(draws, faults[Fault.CHOSE_STORE])
    transit = _transit(draws, faults[Fault.IN_TRANSIT])
    width = max(6, len(str(count)))
    return tuple(
        ReturnItem(
            return_id=ReturnId(f"R{at + 1:0{width}d}"),
            order_id=f"O{at + 1:0{width}d}",
            customer_id=f"C{customer[at]:0{width}d}",
            location=LatLng(float(points.lat[at]), float(points.lng[at])),
            sku=catalogue.names[item],
            category=catalogue.category[item],
            decide_by_us=decide_by_us[at],
            reason=facts.reason[at],
            condition=facts.condition[at],
            attributes=facts.attributes[at],
            verification=evidence[at],
            customer_consents=consents[at],
            value_micros=int(catalogue.value_micros[item]),
            channel=channels[channel[at]],
            transit_state=transit[at],
            segment=segments[segment[at]],
            order_return_count=siblings[at],
            preferred_path=path[at],
            weight_grams=int(catalogue.weight_grams[item]),
            refund_due_us=now_us + _REFUND_US,
            season_end_us=facts.season_end_us[at],
        )
        for at, item in enumerate(sku)
    )


def _paths(draws: Draws, chose_store: BoolArray) -> list[ReturnPath]:
    path, paths = draws.pick(PATHS, len(chose_store))
    values: IntArray = np.array(paths, np.int64)[path]
    values[chose_store] = ReturnPath.IN_STORE
    return [ReturnPath(value) for value in values.tolist()]


def _transit(draws: Draws, gone: BoolArray) -> list[TransitState]:
    state, states = draws.pick(GONE, len(gone))
    values = np.where(gone, np.array(states, np.int64)[state], 0)
    values[~gone] = TransitState.WITH_CUSTOMER
    return [TransitState(value) for value in values.tolist()]
