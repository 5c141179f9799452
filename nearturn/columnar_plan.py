"""PlanColumnar from the caller's side: tables in, tables out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from google.protobuf.timestamp_pb2 import Timestamp

from nearturn.arrow_chunks import chunks, read_stream
from nearturn.v1 import match_service_pb2 as pb
from nearturn.v1 import network_pb2, policy_pb2

#: Told how many rows have been sent.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """
    What a plan is made under.

    Parameters
    ----------
    policy
        The policy; its version is not looked up.
    warehouses, service_areas
        The network.
    evaluation_time
        When all is evaluated; ``None`` is now.
    """

    policy: policy_pb2.Policy
    warehouses: Sequence[network_pb2.Warehouse] = ()
    service_areas: Sequence[network_pb2.ServiceArea] = ()
    evaluation_time: Timestamp | None = None


@dataclass(slots=True)
class ColumnarPlan:
    """
    The answer of PlanColumnar.

    Attributes
    ----------
    routes
        A pyarrow Table with a row for each return item, in their order.
    demand_prices
        A pyarrow Table of demands that one more unit of would save something.
    summary
        What it comes to.
    """

    routes: Any
    demand_prices: Any
    summary: pb.PlanSummary


@dataclass(slots=True)
class PlanParts:
    """Collects the parts of an answer."""

    routes: list[Any] = field(default_factory=list)
    demand_prices: list[Any] = field(default_factory=list)
    summary: pb.PlanSummary | None = None

    def add(self, response: pb.PlanColumnarResponse) -> None:
        """Take one part."""
        part = response.WhichOneof("part")
        if part == "routes":
            self.routes.append(read_stream(response.routes))
        elif part == "demand_prices":
            self.demand_prices.append(read_stream(response.demand_prices))
        elif part == "summary":
            self.summary = response.summary

    def plan(self) -> ColumnarPlan:
        """Return the answer, whose last part has come."""
        assert self.summary is not None, "the answer broke off without an error"
        return ColumnarPlan(
            _joined(self.routes), _joined(self.demand_prices), self.summary
        )


def plan_requests(
    terms: PlanTerms, return_items: Any, demands: Any, progress: Progress | None = None
) -> Iterator[pb.PlanColumnarRequest]:
    """Yield the requests of a plan over two tables."""
    yield pb.PlanColumnarRequest(
        terms=pb.PlanTerms(
            policy=terms.policy,
            warehouses=terms.warehouses,
            service_areas=terms.service_areas,
            evaluation_time=terms.evaluation_time,
        )
    )
    sent = 0
    for count, request in _row_requests(return_items, demands):
        yield request
        sent += count
        if progress is not None:
            progress(sent)


def collected(responses: Iterable[pb.PlanColumnarResponse]) -> ColumnarPlan:
    """Return the whole answer."""
    parts = PlanParts()
    for response in responses:
        parts.add(response)
    return parts.plan()


def _row_requests(
    return_items: Any, demands: Any
) -> Iterator[tuple[int, pb.PlanColumnarRequest]]:
    for count, data in chunks(return_items):
        yield count, pb.PlanColumnarRequest(return_items=data)
    for count, data in chunks(demands):
        yield count, pb.PlanColumnarRequest(demands=data)


def _joined(tables: Sequence[Any]) -> Any:
    return pa.concat_tables(tables) if tables else pa.table({})
