"""ImportDemands and ImportReturns: chunks, each stored whole, faulty rows left out."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import grpc
import numpy as np
import pyarrow as pa
import pytest

from matcher.domain.demand import Demand
from matcher.domain.return_item import ReturnItem
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import generate
from nearturn import Client, RejectedRow
from nearturn.arrow_chunks import read_stream
from nearturn.async_client import AsyncClient
from nearturn.v1 import demand_service_pb2, return_service_pb2, row_import_pb2
from server.api.bulk.column_reader import FAULTS_LISTED_MAX
from server.api.bulk.row_import import IMPORT_ROWS_MAX
from server.api.convert.demand import from_open_demand
from server.api.convert.return_item import from_return_item
from server.files.columns import Kind
from server.runtime.runtime import Runtime
from tests.contract.api_target import TENANT, Api, ApiError, SocketServer
from tests.contract.messages import activate, submit, upsert
from tests.scenarios import DAY_US, NOW_US, demand, return_item
from tests.scenarios.arrow_tables import chunk_of, table_of

IMPORT = str(UUID(int=6, version=4))
OTHER = str(UUID(int=7, version=4))


def _chunk(number: int, table: Any, import_id: str = IMPORT) -> Any:
    data = table if isinstance(table, bytes) else chunk_of(table)
    return row_import_pb2.ImportChunk(
        import_id=import_id, chunk_number=number, rows=data
    )


def _of_demands(number: int, *demands: Demand, import_id: str = IMPORT) -> Any:
    table = table_of(Kind.DEMAND, demands)
    return demand_service_pb2.ImportDemandsRequest(
        chunk=_chunk(number, table, import_id)
    )


def _of_returns(number: int, *items: ReturnItem) -> Any:
    table = table_of(Kind.RETURN_ITEM, items)
    return return_service_pb2.ImportReturnsRequest(chunk=_chunk(number, table))


async def _demands(api: Api, *requests: Any) -> list[Any]:
    found = await api.bidi(demand_service_pb2.ImportDemandsRequest, requests)
    return [each.report for each in found]


async def _returns(api: Api, *requests: Any) -> list[Any]:
    return await api.bidi(return_service_pb2.ImportReturnsRequest, requests)


async def _last(api: Api, import_id: str = IMPORT) -> int:
    request = demand_service_pb2.GetDemandImportRequest(import_id=import_id)
    number: int = (await api(request)).last_chunk_number
    return number


async def _stored(runtime: Runtime) -> list[Any]:
    return await runtime.read(
        lambda store: store.list_demands(TENANT, state=None, after_id="", limit=10_000)
    )


async def test_a_whole_scenario_is_what_the_batch_call_stores(
    api: Api, runtime: Runtime
):
    """Row by row the same records, but for the ids, which keep the two apart."""
    params = ScenarioParams(demand_count=400, return_count=0, city_count=2)
    drawn = generate(params, np.random.default_rng(5), NOW_US).demands
    await upsert(api, *map(from_open_demand, drawn))
    by_row = await _stored(runtime)
    table = table_of(Kind.DEMAND, drawn)
    ids = pa.array([f"i {each.demand_id}" for each in drawn])
    table = table.set_column(0, "demand_id", ids)
    requests = [
        demand_service_pb2.ImportDemandsRequest(
            chunk=_chunk(number, table.slice(at, 150))
        )
        for number, at in enumerate(range(0, 400, 150), 1)
    ]
    reports = await _demands(api, *requests)
    assert [each.stored_count for each in reports] == [150, 150, 100]
    found = [each for each in await _stored(runtime) if each.demand.demand_id[0] == "i"]
    assert len(found) == 400
    for ours, theirs in zip(found, by_row, strict=True):
        assert ours.demand.demand_id == f"i {theirs.demand.demand_id}"
        fields = Demand.__slots__[1:]
        assert [getattr(ours.demand, name) for name in fields] == [
            getattr(theirs.demand, name) for name in fields
        ]
        assert (ours.state, ours.version) == (theirs.state, theirs.version)


async def test_faulty_rows_are_told_and_the_others_stored(api: Api, runtime: Runtime):
    """Of a column, an id that came before, a time that is up, an ended demand."""
    await upsert(api, from_open_demand(demand("ended")))
    await api(demand_service_pb2.CancelDemandRequest(demand_id="ended"))
    rows = [
        demand("a"),
        demand("b"),
        demand("a", quantity=2),
        demand("late", ship_by_us=NOW_US),
        demand("ended", quantity=3),
        demand("c"),
    ]
    table = table_of(Kind.DEMAND, rows)
    lat = table.column("location.latitude").to_pylist()
    table = table.set_column(1, "location.latitude", pa.array([lat[0], 91.0, *lat[2:]]))
    request = demand_service_pb2.ImportDemandsRequest(chunk=_chunk(1, table))
    (report,) = await _demands(api, request)
    assert (report.row_count, report.stored_count) == (6, 2)
    assert list(report.rejected_rows) == [1, 2, 3, 4]
    assert [(each.row, each.field, each.value) for each in report.faults] == [
        (1, "location.latitude", "91.0"),
        (2, "demand_id", "'a'"),
        (3, "ship_by_time", "'2026-03-02T12:00:00Z'"),
        (4, "demand_id", "'ended'"),
    ]
    assert report.faults[0].accepted == "finite degrees from -90 to 90"
    assert report.faults[1].accepted == "each id once"
    assert "CANCELLED" in report.faults[3].accepted
    ids = [
        (each.demand.demand_id, each.demand.quantity) for each in await _stored(runtime)
    ]
    assert ids == [("a", 1), ("c", 1), ("ended", 1)]


async def test_a_chunk_of_nothing_but_faults_is_answered(api: Api, runtime: Runtime):
    """All rows are listed and so many faults told; a repetition hears the same."""
    count = FAULTS_LISTED_MAX + 5
    rows = [demand(f"d{number}") for number in range(count)]
    table = table_of(Kind.DEMAND, rows)
    table = table.set_column(5, "quantity", pa.array([0] * count, pa.int32()))
    request = demand_service_pb2.ImportDemandsRequest(chunk=_chunk(1, table))
    (report,) = await _demands(api, request)
    assert report.stored_count == 0
    assert list(report.rejected_rows) == list(range(count))
    assert len(report.faults) == FAULTS_LISTED_MAX
    assert await _stored(runtime) == []
    assert await _demands(api, request) == [report]


async def test_a_chunk_that_comes_again_answers_as_before(api: Api, runtime: Runtime):
    """Though the demand has changed since, which the repetition leaves as it is."""
    first = await _demands(api, _of_demands(1, demand("a")))
    await upsert(api, from_open_demand(demand("a", quantity=7)))
    assert await _demands(api, _of_demands(1, demand("a"))) == first
    (record,) = await _stored(runtime)
    assert record.demand.quantity == 7


async def test_other_rows_under_a_number_are_refused(api: Api):
    """INVALID_ARGUMENT with both hashes; under another import id they are stored."""
    await _demands(api, _of_demands(1, demand("a")))
    with pytest.raises(ApiError) as caught:
        await _demands(api, _of_demands(1, demand("b")))
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.info.reason == "REQUEST_REUSED"
    (report,) = await _demands(api, _of_demands(1, demand("b"), import_id=OTHER))
    assert report.stored_count == 1


async def test_an_import_goes_on_behind_its_last_chunk(api: Api):
    """Nothing stored is 0; imports, and the two kinds, are told apart."""
    assert await _last(api) == 0
    await _demands(api, _of_demands(1, demand("a")), _of_demands(2, demand("b")))
    assert await _last(api) == 2
    assert await _last(api, OTHER) == 0
    await _demands(api, _of_demands(3, demand("c")), _of_demands(11, demand("d")))
    assert await _last(api) == 11
    assert await _last(api, IMPORT.upper()) == 11
    request = return_service_pb2.GetReturnImportRequest(import_id=IMPORT)
    assert (await api(request)).last_chunk_number == 0


@pytest.mark.parametrize(
    ("second", "field", "accepted"),
    [
        (_of_demands(1, demand("b")), "chunk.chunk_number", "more than 1"),
        (_of_demands(0, demand("b")), "chunk.chunk_number", "1 to 99,999,999"),
        (_of_demands(2, demand("b"), import_id="x"), "chunk.import_id", "a UUID"),
        (
            demand_service_pb2.ImportDemandsRequest(chunk=_chunk(2, b"no")),
            "chunk.rows",
            "an Arrow IPC stream",
        ),
        (
            demand_service_pb2.ImportDemandsRequest(
                chunk=_chunk(2, pa.table({"demand_id": ["b"]}))
            ),
            "chunk.rows.sku",
            "a column of string",
        ),
        (b"\xff\xff", "message", "an encoded"),
    ],
    ids=["number again", "number 0", "no uuid", "no Arrow", "columns", "no message"],
)
async def test_a_chunk_that_is_none_ends_the_stream(
    api: Api, runtime: Runtime, second: Any, field: str, accepted: str
):
    """What was answered before stands, and nothing else."""
    with pytest.raises(ApiError) as caught:
        await _demands(api, _of_demands(1, demand("a")), second)
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert accepted in caught.value.violations[field]
    assert [each.demand.demand_id for each in await _stored(runtime)] == ["a"]
    assert await _last(api) == 1


async def test_too_many_rows_are_refused(api: Api):
    """One more than a chunk may have."""
    base = table_of(Kind.DEMAND, [demand()])
    table = pa.concat_tables([base] * (IMPORT_ROWS_MAX + 1)).combine_chunks()
    request = demand_service_pb2.ImportDemandsRequest(chunk=_chunk(1, table))
    with pytest.raises(ApiError) as caught:
        await _demands(api, request)
    assert "at most 10,000 rows" in caught.value.violations["chunk.rows"]


async def test_returns_are_decided_as_one_by_one(api: Api):
    """The same outcome and reasons, in the order of the rows."""
    await activate(api)
    await upsert(api, from_open_demand(demand()))
    rows = [
        return_item("r1"),
        return_item("r2", customer_consents=False),
        return_item("r3", sku="nobody wants it"),
    ]
    (answer,) = await _returns(api, _of_returns(1, *rows))
    found = read_stream(answer.decisions).to_pylist()
    names = [f"s{number}" for number in range(3)]
    again = [
        return_item(name, **_same(row)) for name, row in zip(names, rows, strict=True)
    ]
    one_by_one = await submit(api, *map(from_return_item, again))
    assert [each["return_id"] for each in found] == ["r1", "r2", "r3"]
    assert [each["outcome"] for each in found] == ["WAITING", "WAREHOUSE", "WAITING"]
    for ours, theirs in zip(found, one_by_one, strict=True):
        codes = {f"REASON_CODE_{code}" for code in ours["reasons"]}
        assert codes == {_reason_name(each) for each in theirs.reasons}


def _same(row: ReturnItem) -> dict[str, Any]:
    return {"sku": row.sku, "customer_consents": row.customer_consents}


def _reason_name(reason: Any) -> str:
    kind = reason.DESCRIPTOR.fields_by_name["code"].enum_type
    name: str = kind.values_by_number[reason.code].name
    return name


async def test_returns_that_cannot_enter_are_told(api: Api):
    """Another payload of a known id, an id twice, no time left; the same one may."""
    await submit(api, from_return_item(return_item("known")))
    await submit(api, from_return_item(return_item("other")))
    rows = [
        return_item("known"),
        return_item("other", sku="coat"),
        return_item("late", decide_by_us=NOW_US),
        return_item("twice"),
        return_item("twice"),
        return_item("good", decide_by_us=NOW_US + DAY_US),
    ]
    (answer,) = await _returns(api, _of_returns(1, *rows))
    report = answer.report
    assert list(report.rejected_rows) == [1, 2, 4]
    assert [each.field for each in report.faults] == [
        "return_id",
        "decide_by_time",
        "return_id",
    ]
    assert "has the payload" in report.faults[0].accepted
    ids = read_stream(answer.decisions).column("return_id").to_pylist()
    assert ids == ["known", "twice", "good"]


async def test_a_return_chunk_is_answered_as_before(api: Api):
    """With the decisions that it had then, to the byte."""
    first = await _returns(api, _of_returns(1, return_item("a")))
    await activate(api)
    assert await _returns(api, _of_returns(1, return_item("a"))) == first


async def test_both_clients_import_tables(socket_server: SocketServer):
    """More than one chunk of demands, and returns with their decisions."""
    count = IMPORT_ROWS_MAX + 3
    base = table_of(Kind.DEMAND, [demand()])
    table = pa.concat_tables([base] * count).combine_chunks()
    ids = pa.array([f"d{number}" for number in range(count - 1)] + ["d0"])
    table = table.set_column(0, "demand_id", ids)
    told: list[tuple[int, int]] = []

    def call() -> None:
        with Client(socket_server.address) as client:
            found = client.import_demands(
                table, progress=lambda *each: told.append(each), timeout_s=120
            )
            assert found.stored_count == count
            again = client.import_demands(table, import_id=found.import_id)
            assert again.row_count == 0
            items = table_of(Kind.RETURN_ITEM, [return_item("a"), return_item("a")])
            returns = client.import_returns(items)
            assert returns.rejected_rows == [1]
            assert returns.decisions.column("return_id").to_pylist() == ["a"]

    await asyncio.to_thread(call)
    assert told == [(IMPORT_ROWS_MAX, 0), (count, 0)]
    async with AsyncClient(socket_server.address) as client:
        bad = table_of(Kind.DEMAND, [demand("x"), demand("y")])
        bad = bad.set_column(5, "quantity", pa.array([1, 0], pa.int32()))
        found = await client.import_demands(bad)
        assert found.rejected_rows == [1]
        assert found.faults == [RejectedRow(1, "quantity", "0", "1 to 1,000,000")]
        items = table_of(Kind.RETURN_ITEM, [return_item("b")])
        assert (await client.import_returns(items)).stored_count == 1
