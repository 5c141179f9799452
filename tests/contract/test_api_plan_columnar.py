"""PlanColumnar: the routes of Plan, over columns."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pytest
from google.protobuf.json_format import MessageToDict

from matcher.domain.demand import Demand
from matcher.domain.return_item import ReturnItem
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import Scenario, generate
from nearturn import Client, PlanTerms
from nearturn.arrow_chunks import read_stream
from nearturn.async_client import AsyncClient
from nearturn.v1 import match_limit_pb2
from nearturn.v1 import match_service_pb2 as pb
from server.api.bulk.route_batch import ANSWER_ROWS
from server.api.convert.demand import from_open_demand
from server.api.convert.network import from_warehouse
from server.api.convert.return_item import from_return_item
from server.cli.demo_policy import demo_policy
from server.files.columns import Kind
from tests.contract.api_target import Api, ApiError, SocketServer
from tests.contract.messages import policy, timestamp, warehouse
from tests.scenarios import NOW_US, demand, return_item
from tests.scenarios.arrow_tables import chunk_of, table_of


def _terms(document: Any = None, **fields: Any) -> pb.PlanColumnarRequest:
    return pb.PlanColumnarRequest(
        terms=pb.PlanTerms(policy=document or policy(), **fields)
    )


def _returns(*items: ReturnItem) -> pb.PlanColumnarRequest:
    data = chunk_of(table_of(Kind.RETURN_ITEM, items))
    return pb.PlanColumnarRequest(return_items=data)


def _demands(*demands: Demand) -> pb.PlanColumnarRequest:
    data = chunk_of(table_of(Kind.DEMAND, demands), "zstd")
    return pb.PlanColumnarRequest(demands=data)


async def _call(api: Api, *requests: Any) -> list[Any]:
    return await api.bidi(pb.PlanColumnarRequest, requests)


async def _refused(api: Api, *requests: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await _call(api, *requests)
    return caught.value


def _scenario(seed: int, count: int = 600) -> Scenario:
    params = ScenarioParams(
        city_count=3, demand_count=count, return_count=count // 2, sku_count=15
    )
    return generate(params, np.random.default_rng(seed), NOW_US)


def _plan_request(scenario: Scenario, document: Any) -> pb.PlanRequest:
    return pb.PlanRequest(
        return_items=map(from_return_item, scenario.return_items),
        demands=map(from_open_demand, scenario.demands),
        warehouses=map(from_warehouse, scenario.warehouses),
        policy=document,
        evaluation_time=timestamp(NOW_US),
    )


def _plan_terms(scenario: Scenario, document: Any) -> PlanTerms:
    warehouses = [from_warehouse(each) for each in scenario.warehouses]
    return PlanTerms(document, warehouses, evaluation_time=timestamp(NOW_US))


def _check_same(made: pb.PlanResponse, found: Any) -> None:
    # Row by row what Plan said of each decision, and the same summary and prices.
    rows = found.routes.to_pylist()
    assert [row["return_id"] for row in rows] == [d.return_id for d in made.decisions]
    prices = {each.id: each.price_micros for each in made.return_prices}
    for row, decision in zip(rows, made.decisions, strict=True):
        is_matched = decision.HasField("match")
        match, ordinary = decision.match, decision.fallback
        if decision.HasField("warehouse"):
            ordinary = decision.warehouse
        assert row == {
            "return_id": decision.return_id,
            "outcome": "MATCHED" if is_matched else "WAREHOUSE",
            "reasons": [_code(each) for each in decision.reasons],
            "demand_id": match.demand_id if is_matched else None,
            "distance_m": match.distance_m if is_matched else None,
            "saving_micros": match.saving_micros if is_matched else None,
            "match_cost_micros": match.match_cost_micros if is_matched else None,
            "warehouse_id": ordinary.warehouse_id,
            "warehouse_distance_m": ordinary.distance_m,
            "warehouse_cost_micros": ordinary.cost_micros,
            "over_capacity": ordinary.over_capacity,
            "price_micros": prices.get(decision.return_id, 0),
        }
    assert found.summary.summary == made.summary
    assert found.summary.HasField("acting_summary") == made.HasField("acting_summary")
    assert found.summary.acting_summary == made.acting_summary
    assert found.summary.limit_prices == made.limit_prices
    by_id = {row["demand_id"]: row["price_micros"] for row in _prices(found)}
    assert by_id == {each.id: each.price_micros for each in made.demand_prices}


def _prices(found: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = found.demand_prices.to_pylist()
    return rows


def _code(reason: Any) -> str:
    name: str = MessageToDict(reason)["code"]
    return name.removeprefix("REASON_CODE_")


def _policies() -> list[Any]:
    zoned = demo_policy()
    zoned.match_limits.add(
        scope=match_limit_pb2.LIMIT_SCOPE_ZONE, count_max=2, resolution=6
    )
    shadow = demo_policy()
    shadow.mode = 2
    return [demo_policy(), zoned, shadow]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("number", range(3), ids=["plain", "zones", "shadow mode"])
async def test_the_routes_are_those_of_plan(
    socket_server: SocketServer, seed: int, number: int
):
    """Whole scenarios, through the client that anybody uses, in many small chunks."""
    scenario, document = _scenario(seed), _policies()[number]
    demands = table_of(Kind.DEMAND, scenario.demands)
    small = pa.RecordBatchReader.from_batches(
        demands.schema, demands.to_batches(max_chunksize=97)
    )
    told: list[int] = []
    async with AsyncClient(socket_server.address) as client:
        made = await client.matches.Plan(_plan_request(scenario, document))
        found = await client.plan_columnar(
            _plan_terms(scenario, document),
            table_of(Kind.RETURN_ITEM, scenario.return_items),
            small,
            progress=told.append,
        )
    assert found.summary.summary.matched_count > 0 or number == 2
    _check_same(made, found)
    assert told[-1] == len(scenario.demands) + len(scenario.return_items)


async def test_the_threaded_client_does_the_same(socket_server: SocketServer):
    """Tables whose texts are dictionaries, as data frames often have them."""
    import asyncio  # noqa: PLC0415 - this test alone leaves the loop

    scenario = _scenario(3)
    demands = table_of(Kind.DEMAND, scenario.demands)
    for name in ("sku", "category", "min_condition"):
        at = demands.schema.get_field_index(name)
        encoded = demands.column(name).dictionary_encode()
        demands = demands.set_column(at, name, encoded)

    def call() -> Any:
        with Client(socket_server.address) as client:
            made = client.matches.Plan(_plan_request(scenario, demo_policy()))
            returns = table_of(Kind.RETURN_ITEM, scenario.return_items)
            terms = _plan_terms(scenario, demo_policy())
            return made, client.plan_columnar(terms, returns, demands, timeout_s=60)

    _check_same(*await asyncio.to_thread(call))


async def test_an_answer_comes_in_parts(api: Api):
    """One more row than a part holds; they keep the order of the request."""
    items = [return_item(f"r{number}") for number in range(ANSWER_ROWS + 1)]
    answers = await _call(api, _terms(), _returns(*items), _demands(demand()))
    parts = [each.WhichOneof("part") for each in answers]
    assert parts == ["routes", "routes", "demand_prices", "summary"]
    tables = [read_stream(each.routes) for each in answers[:2]]
    assert [each.num_rows for each in tables] == [ANSWER_ROWS, 1]
    ids = pa.concat_tables(tables).column("return_id").to_pylist()
    assert ids == [each.return_id for each in items]


async def test_demands_may_come_before_returns_and_not_at_all(api: Api):
    """Only the terms have their place; a snapshot without demands is one."""
    answers = await _call(api, _terms(), _demands(demand()), _returns(return_item()))
    assert answers[-1].summary.summary.matched_count == 1
    answers = await _call(api, _terms(), _returns(return_item()))
    assert answers[-1].summary.summary.warehouse_count == 1


async def test_nothing_is_stored(api: Api):
    """A plan promises nothing."""
    await _call(api, _terms(), _returns(return_item()), _demands(demand()))
    assert not any((await api.stored_counts()).values())


@pytest.mark.parametrize(
    ("requests", "field", "description"),
    [
        ([], "terms", "the first part"),
        ([_terms()], "return_items", "1 to 1,000,000 rows"),
        ([_returns(return_item()), _terms()], "terms", "the first part"),
        ([_terms(), _terms()], "terms", "no other"),
        ([_terms(), pb.PlanColumnarRequest()], "part", "exactly one of"),
        ([_terms(), b"\xff\xff"], "message", "an encoded"),
        ([_terms(), pb.PlanColumnarRequest(demands=b"no")], "demands", "Arrow IPC"),
        (
            [_terms(warehouses=[warehouse("")])],
            "terms.warehouses[0].warehouse_id",
            "1 to",
        ),
        ([_terms(), _returns(return_item(), return_item())], "return_items[1]", "once"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_what_does_not_fit_is_named(
    api: Api, requests: list[Any], field: str, description: str
):
    """INVALID_ARGUMENT with the place, as of any other call."""
    error = await _refused(api, *requests)
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert field in error.violations
    assert description in error.violations[field]


async def test_faulty_rows_are_numbered_over_the_whole_stream(api: Api):
    """Row 1 of the second chunk is row 3; every fault of the chunk is told."""
    good = [demand("a"), demand("b"), demand("c"), demand("d")]
    table = table_of(Kind.DEMAND, good[2:])
    bad = table.set_column(5, "quantity", pa.array([1, 0], pa.int32())).set_column(
        1, "location.latitude", pa.array([1.0, float("nan")])
    )
    error = await _refused(
        api,
        _terms(),
        _demands(*good[:2]),
        pb.PlanColumnarRequest(demands=chunk_of(bad)),
    )
    degrees = "finite degrees from -90 to 90"
    assert error.violations == {
        "demands[3].location.latitude": f"got nan; accepted: {degrees}",
        "demands[3].quantity": "got 0; accepted: 1 to 1,000,000",
    }


async def test_a_client_that_goes_away_leaves_nothing(socket_server: SocketServer):
    """More plans than may come in at once, each given up: the next one is served."""
    async with AsyncClient(socket_server.address) as client:
        for _ in range(9):
            call = client.matches.PlanColumnar()
            await call.write(_terms())
            await call.write(_demands(demand()))
            call.cancel()
        found = await client.plan_columnar(
            PlanTerms(policy(), evaluation_time=timestamp(NOW_US)),
            table_of(Kind.RETURN_ITEM, [return_item()]),
            table_of(Kind.DEMAND, [demand()]),
        )
    assert found.summary.summary.matched_count == 1


async def test_snapshots_on_their_way_are_counted(socket_server: SocketServer):
    """Four may be on their way; a fifth is RESOURCE_EXHAUSTED until one is done."""
    async with AsyncClient(socket_server.address) as client:
        calls = [client.matches.PlanColumnar() for _ in range(4)]
        for call in calls:
            await call.write(_terms())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.matches.PlanColumnar([_terms()]).read()
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        for call in calls:
            await call.write(_returns(return_item()))
            await call.done_writing()
            answers = [each async for each in call]
            assert answers[-1].WhichOneof("part") == "summary"
