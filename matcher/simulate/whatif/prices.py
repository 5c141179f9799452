"""What the pairs of a timeline cost under one cost model and network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.policy import CostModel
from matcher.engine.network import Network
from matcher.policy.label import LabelRates
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.pairs import Pairs

IntArray = NDArray[np.int64]

#: What the tests on a pair that never change found, in the order of the engine's own.
NOT_SERVED, NEEDS_BETTER, NO_RATE, FITS = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """
    By pair, ``(e,)``.

    Parameters
    ----------
    static
        What the tests that never change found, ``int8``; see the module.
    label_micros
        The label to the buyer.
    other_micros
        The saving but for the item's own ordinary way: shipping the demand, its
        priority, less the label.
    """

    static: NDArray[np.int8]
    label_micros: IntArray
    other_micros: IntArray


def price(facts: Facts, pairs: Pairs, model: CostModel, network: Network) -> Prices:
    """Price every pair."""
    row, state = pairs.row, pairs.state
    items, orders = facts.items, facts.orders
    label, has_rate = LabelRates.of(model).price(
        pairs.distance_m.astype(np.int64), items.weight_grams[row]
    )
    static = np.where(has_rate, FITS, NO_RATE).astype(np.int8)
    static[items.condition[row] < orders.min_condition[state]] = NEEDS_BETTER
    static[~facts.served(network)[1][state]] = NOT_SERVED
    by_state = facts.outbound(network, model.standard_shipping_micros)
    by_state = by_state + orders.priority * model.priority_step_micros
    return Prices(static, label, by_state[state] - label)
