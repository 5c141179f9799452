"""The answer of a plan as Arrow: one row for each return item, and prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from matcher.domain.decision import Decision
from matcher.engine.plan import Plan

#: Rows of one message of the answer.
ANSWER_ROWS = 10_000

ROUTES = pa.schema(
    [
        pa.field("return_id", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
        pa.field("demand_id", pa.string()),
        pa.field("distance_m", pa.int64()),
        pa.field("saving_micros", pa.int64()),
        pa.field("match_cost_micros", pa.int64()),
        pa.field("warehouse_id", pa.string(), nullable=False),
        pa.field("warehouse_distance_m", pa.int64(), nullable=False),
        pa.field("warehouse_cost_micros", pa.int64(), nullable=False),
        pa.field("over_capacity", pa.bool_(), nullable=False),
        pa.field("price_micros", pa.int64(), nullable=False),
    ]
)

PRICES = pa.schema(
    [
        pa.field("demand_id", pa.string(), nullable=False),
        pa.field("price_micros", pa.int64(), nullable=False),
    ]
)


def route_streams(plan: Plan) -> Iterator[bytes]:
    """Yield the routes of a plan in its order, so many at a time."""
    prices = dict(
        zip(plan.return_ids, plan.assignment.return_price.tolist(), strict=True)
    )
    decisions = plan.decisions
    for start in range(0, len(decisions), ANSWER_ROWS):
        rows = [
            _route(each, prices.get(each.return_id, 0))
            for each in decisions[start : start + ANSWER_ROWS]
        ]
        yield _stream(ROUTES, list(zip(*rows, strict=True)))


def price_streams(plan: Plan) -> Iterator[bytes]:
    """Yield the prices of demands, those above zero, by id."""
    price = plan.assignment.demand_price
    above = np.nonzero(price > 0)[0]
    ids = [plan.demand_ids[at] for at in above.tolist()]
    prices = price[above].tolist()
    for start in range(0, len(ids), ANSWER_ROWS):
        at = slice(start, start + ANSWER_ROWS)
        yield _stream(PRICES, [ids[at], prices[at]])


def _route(decision: Decision, price_micros: int) -> tuple[Any, ...]:
    match, ordinary = decision.match, decision.warehouse or decision.fallback
    return (
        decision.return_id,
        decision.outcome.name,
        [reason.code.name for reason in decision.reasons],
        match.demand_id if match else None,
        match.distance_m if match else None,
        match.saving_micros if match else None,
        match.match_cost_micros if match else None,
        ordinary.warehouse_id,
        ordinary.distance_m,
        ordinary.cost_micros,
        ordinary.over_capacity,
        price_micros,
    )


def _stream(schema: Any, columns: Sequence[Sequence[Any]]) -> bytes:
    arrays = [
        pa.array(values, field.type)
        for values, field in zip(columns, schema, strict=True)
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))
    answer: bytes = sink.getvalue().to_pybytes()
    return answer
