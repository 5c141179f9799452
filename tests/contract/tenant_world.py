"""The data of one tenant, and a call of every method that names all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from nearturn.v1 import (
    access_service_pb2 as access,
)
from nearturn.v1 import (
    demand_service_pb2 as demands,
)
from nearturn.v1 import (
    explain_service_pb2 as explain,
)
from nearturn.v1 import (
    explanation_pb2,
    item_outcome_pb2,
    item_pb2,
    match_label_pb2,
    network_pb2,
    row_import_pb2,
    simulation_pb2,
)
from nearturn.v1 import (
    match_service_pb2 as matches,
)
from nearturn.v1 import (
    network_service_pb2 as network,
)
from nearturn.v1 import (
    policy_service_pb2 as policies,
)
from nearturn.v1 import (
    privacy_service_pb2 as privacy,
)
from nearturn.v1 import (
    report_service_pb2 as report,
)
from nearturn.v1 import (
    return_service_pb2 as returns,
)
from server.files.columns import Kind
from tests.contract import messages as made
from tests.contract.api_target import Api, ApiError, all_methods
from tests.scenarios import demand, return_item, service_area
from tests.scenarios.arrow_tables import chunk_of, table_of

MATCH, ROUND, DECISION = "m-000000000001", "r-000000000001", "d-000000000001"
IMPORT = str(UUID(int=6, version=4))
REQUEST = str(UUID(int=8, version=4))

#: A call: its kind of request, and the requests that it sends.
Call = tuple[type[Message], Sequence[Message]]

#: Name of the method, name of the status, and the answers, or the status, as bytes.
Answer = tuple[str, str, list[bytes]]


def _area(area_id: str) -> network_pb2.ServiceArea:
    box = service_area(area_id)
    return network_pb2.ServiceArea(service_area_id=area_id, geojson=box.geojson)


async def settle(api: Api) -> None:
    """Make two of everything, so that each list has a second page."""
    await api(network.UpsertWarehouseRequest(warehouse=made.warehouse("w1")))
    await api(network.UpsertWarehouseRequest(warehouse=made.warehouse("w2", 5_000)))
    for area in ("a1", "a2"):
        await api(network.UpsertServiceAreaRequest(service_area=_area(area)))
    for point in ("p1", "p2"):
        await api(
            network.UpsertDropOffPointRequest(drop_off_point=made.drop_off_point(point))
        )
    await made.activate(api)
    await api(policies.CreatePolicyRequest(policy=made.policy()))
    await api(policies.PauseProgramRequest(category="shoes", note="of the first"))
    await made.upsert(
        api,
        made.demand("d1", 1_000),
        made.demand("d2", 9_000),
        made.demand("d3", 0, sku="hat"),
    )
    # Two for each buyer: a unit more of either would be worth something.
    await made.submit(api, made.return_item("r1"))
    await made.submit(api, made.return_item("r2", 9_500))
    await made.submit(api, made.return_item("r3", 100))
    await made.submit(api, made.return_item("r4", 9_600))
    await api(matches.RunRoundRequest(request_id=REQUEST))
    await api.bidi(*_import_demands("imported"))
    await api.bidi(*_import_returns("imported"))


def _chunk(kind: Kind, value: Any) -> row_import_pb2.ImportChunk:
    rows = chunk_of(table_of(kind, [value]))
    return row_import_pb2.ImportChunk(import_id=IMPORT, chunk_number=1, rows=rows)


def _import_demands(name: str) -> Call:
    chunk = _chunk(Kind.DEMAND, demand(name, east_m=300_000))
    return (
        demands.ImportDemandsRequest,
        [demands.ImportDemandsRequest(chunk=chunk)],
    )


def _import_returns(name: str) -> Call:
    chunk = _chunk(Kind.RETURN_ITEM, return_item(name, east_m=300_000))
    return (
        returns.ImportReturnsRequest,
        [returns.ImportReturnsRequest(chunk=chunk)],
    )


def _plan_columnar() -> Call:
    data = chunk_of(table_of(Kind.RETURN_ITEM, [return_item("r1")]))
    return matches.PlanColumnarRequest, [
        matches.PlanColumnarRequest(terms=matches.PlanTerms(policy=made.policy())),
        matches.PlanColumnarRequest(return_items=data),
    ]


def _once(*requests: Message) -> Iterator[Call]:
    for request in requests:
        yield type(request), [request]


def reads() -> Iterator[Call]:
    """Yield calls that change nothing: of each method, naming what there is."""
    yield from _once(
        demands.GetDemandRequest(demand_id="d1"),
        demands.ListDemandsRequest(),
        demands.GetDemandImportRequest(import_id=IMPORT),
        returns.GetReturnRequest(return_id="r1"),
        returns.ListReturnsRequest(),
        returns.GetReturnImportRequest(import_id=IMPORT),
        matches.GetMatchRequest(match_id=MATCH),
        matches.WatchDecisionsRequest(stop_at_end=True),
        matches.VerifyRoundRequest(round_id=ROUND, replay=True),
        matches.PlanRequest(
            return_items=[made.return_item("r1")],
            demands=[made.demand("d1", 1_000)],
            policy=made.policy(),
        ),
        policies.CheckReadinessRequest(version=1),
        policies.DiffPoliciesRequest(base_version=1, version=2),
        policies.RenderPolicyRequest(version=1),
        policies.GetProgramRequest(),
        policies.ListProgramEventsRequest(),
        policies.GetPolicyRequest(version=1),
        policies.ListPoliciesRequest(),
        simulation_pb2.SimulatePolicyRequest(
            recorded=simulation_pb2.RecordedPeriod(start_time=made.timestamp(0))
        ),
        explain.ExplainDecisionRequest(
            return_id="r1", view=explanation_pb2.EXPLANATION_VIEW_FULL
        ),
        explain.ExplainDecisionRequest(decision_id=DECISION),
        explain.CompareDecisionsRequest(
            one=explain.DecisionSubject(return_id="r1"),
            other=explain.DecisionSubject(decision_id=DECISION),
        ),
        network.ListWarehousesRequest(),
        network.ListServiceAreasRequest(),
        network.ListDropOffPointsRequest(),
        report.GetRolloutReportRequest(),
        report.GetDensityRequest(),
        report.ListSkuDemandsRequest(),
        report.GetShadowPricesRequest(),
        access.ListAuditEntriesRequest(),
    )
    yield _plan_columnar()


def writes() -> Iterator[Call]:
    """Yield calls of all other methods: on what there is, then under the same ids."""
    outcome = item_outcome_pb2.ItemOutcome(
        arrival=item_outcome_pb2.ARRIVAL_ARRIVED, occurred_time=made.timestamp(1)
    )
    yield from _once(
        demands.CancelDemandRequest(demand_id="d3"),
        returns.CancelReturnRequest(return_id="r2"),
        returns.RecordVerificationRequest(
            return_id="r1", verification=made.verification()
        ),
        matches.ConfirmMatchRequest(match_id=MATCH),
        matches.ExtendMatchRequest(match_id=MATCH, extension=Duration(seconds=60)),
        matches.ReleaseMatchRequest(match_id=MATCH),
        matches.ReleaseMatchesRequest(round_id=ROUND),
        matches.ReleaseMatchesRequest(demand_id="d1"),
        matches.RecordLabelRequest(
            match_id=MATCH,
            label_id="label",
            state=match_label_pb2.LABEL_STATE_REQUESTED,
        ),
        matches.RecordOutcomeRequest(return_id="r1", outcome=outcome),
        policies.ResumeProgramRequest(category="shoes"),
        policies.RollbackPolicyRequest(note="of the second"),
        made.activation(1),
        privacy.ErasePersonalDataRequest(customer_id="customer-of-r1"),
        privacy.ErasePersonalDataRequest(return_ids=["r2"], demand_ids=["d3"]),
        network.DeleteWarehouseRequest(warehouse_id="w1"),
        network.DeleteServiceAreaRequest(service_area_id="a1"),
        network.DeleteDropOffPointRequest(drop_off_point_id="p1"),
        # A request id that somebody else has used, for something else.
        demands.UpsertDemandRequest(
            demand=made.demand("d1", 7_000, quantity=5), request_id=REQUEST
        ),
        demands.BatchUpsertDemandsRequest(demands=[made.demand("d2", 2_000)]),
        returns.SubmitReturnRequest(
            return_item=made.return_item("r1", condition=item_pb2.CONDITION_GOOD)
        ),
        returns.BatchSubmitReturnsRequest(return_items=[made.return_item("r2")]),
        network.UpsertWarehouseRequest(warehouse=made.warehouse("w1", 9_000)),
        network.UpsertServiceAreaRequest(service_area=_area("a1")),
        network.UpsertDropOffPointRequest(drop_off_point=made.drop_off_point("p1")),
        policies.CreatePolicyRequest(policy=made.policy(owner="the second")),
        policies.PauseProgramRequest(note="of the second"),
        matches.RunRoundRequest(),
    )
    yield (
        returns.StreamReturnsRequest,
        [returns.StreamReturnsRequest(return_item=made.return_item("r5"))],
    )
    yield _import_demands("d1")
    yield _import_returns("r9")


async def answer(api: Api, call: Call) -> Answer:
    """Make a call; return what it ended with."""
    kind, requests = call
    method = next(m for m in all_methods() if m.input_type == kind.DESCRIPTOR)
    code = "OK"
    try:
        if method.client_streaming:
            found = await api.bidi(kind, requests)
        elif method.server_streaming:
            found = [each async for each in api.stream(requests[0])]
        else:
            found = [await api(requests[0])]
    except ApiError as error:
        found, code = [error.status], error.code.name
    # How far a simulation is says something about the time that it takes.
    told = [each for each in found if "progress" not in str(each)]
    return (
        method.name,
        code,
        [each.SerializeToString(deterministic=True) for each in told],
    )
