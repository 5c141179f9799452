"""What the browser's door answers before any handler, and to JSON that does not fit."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2

from server.api.registration import services
from tests.contract.api_target import HandClock
from tests.contract.conftest import running
from tests.contract.raw_http import posted
from tests.contract.web_target import ORIGIN, Noted, WebDoorServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

LATITUDE = "demand.location.latitude"

HEALTH = "/grpc.health.v1.Health/Check"
UPSERT = "/nearturn.v1.DemandService/UpsertDemand"

_NOTED = Noted()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[WebDoorServer]:
    """Run one door for all these tests, which store nothing."""
    folder = tmp_path_factory.mktemp("untouched")
    async with (
        running(folder, HandClock()) as runtime,
        WebDoorServer(runtime, _NOTED) as started,
    ):
        yield started


@pytest.fixture
def noted() -> Noted:
    """Return its watch, which has seen nothing."""
    _NOTED.ended.clear()
    return _NOTED


@pytest.mark.parametrize(
    ("text", "field", "complaint"),
    [
        (
            '{"demand":{"location":{"latitude":"NaN"}}}',
            "demand.location.latitude",
            "nan",
        ),
        (
            '{"demand":{"location":{"longitude":"-Infinity"}}}',
            "demand.location.longitude",
            "-inf",
        ),
        ('{"demand":{"location":{"latitude":NaN}}}', "demand.location.latitude", "NaN"),
        (
            '{"demand":{"location":{"latitude":1e999}}}',
            "demand.location.latitude",
            "In",
        ),
        (
            '{"demand":{"location":{"lat":1}}}',
            "demand.location",
            'no field named "lat"',
        ),
        ('{"demand":{"minCondition":"FINE"}}', "demand.min_condition", "FINE"),
        ('{"demand":{"minCondition":99}}', "demand.min_condition", "99"),
        ('{"demand":{"quantity":99999999999}}', "message", "Value out of range"),
        ('{"demand":{"quantity":1.5}}', "demand.quantity", "1.5"),
        ('{"demand":{"shipByTime":"soon"}}', "demand.ship_by_time", "timezone"),
        ('{"demand":{"sku":"a","sku":"b"}}', "message", "duplicate key"),
        ('{"demand":{"sku":"\\ud800"}}', "demand.sku", "surrogate"),
        ('{"demand":', "message", "line 1 column 11"),
        ("[]", "message", "not an object"),
        ("", "message", "not an object"),
        ('{"demand":' * 20_000, "message", "recursion"),
        ("\xff", "message", "not an object"),
        ('{"demand":"\xff"}', "message", "utf-8"),
    ],
)
async def test_json_that_does_not_fit_is_told_where(
    door: WebDoorServer, noted: Noted, text: str, field: str, complaint: str
):
    """INVALID_ARGUMENT that names the field, and nothing is guessed or passed over."""
    answer = await posted(door.port, UPSERT, text.encode("latin-1"))
    assert (answer.status, answer.told["code"]) == (400, "invalid_argument")
    assert f"{field}: got " in answer.told["message"]
    assert complaint in answer.told["message"]
    assert [each["type"] for each in answer.told["details"]] == [
        "google.rpc.ErrorInfo",
        "google.rpc.BadRequest",
    ]
    assert noted.ended == [("UpsertDemand", "INVALID_ARGUMENT")]


async def test_json_may_use_the_names_of_the_contract(door: WebDoorServer):
    """Fields in either spelling, enums by name or number; answers are plain JSON."""
    spelled = {"demand_id": "d1", "minCondition": 4, "quantity": "2"}
    text = json.dumps({"demand": spelled, "request_id": ""})
    answer = await posted(door.port, UPSERT, text.encode())
    assert "demand.location: got nothing" in answer.told["message"]
    assert "min_condition" not in answer.told["message"]
    assert "quantity" not in answer.told["message"]


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"origin": "https://other.example"}, 403, "connect_origins"),
        ({"origin": "null"}, 403, "connect_origins"),
        ({"origin": f"{ORIGIN}:8443"}, 403, "connect_origins"),
        ({"content_type": "application/grpc"}, 415, "another port"),
        ({"content_type": "application/grpc+proto"}, 415, "another port"),
        ({"content_type": "text/plain"}, 415, ""),
        ({"content_type": "application/grpc-web-text"}, 415, ""),
        ({"content_type": "application/xml"}, 415, ""),
        ({"x_name": "\xe9"}, 400, "UTF-8"),
        ({"connect_timeout_ms": "soon"}, 400, "Invalid timeout header"),
        ({"connect_protocol_version": "2"}, 400, "must be '1'"),
        ({"method": "GET"}, 405, ""),
        ({"method": "PUT"}, 405, ""),
    ],
)
async def test_what_is_no_call_is_refused(
    door: WebDoorServer, noted: Noted, headers: dict[str, str], status: int, said: str
):
    """Pages of other origins, other protocols, broken headers: nothing is called."""
    answer = await posted(door.port, UPSERT, **headers)
    assert answer.status == status
    assert said in answer.body.decode()
    assert noted.ended == []


async def test_unknown_paths_are_not_found(door: WebDoorServer):
    """Neither methods that there are not, nor reflection, which browsers cannot use."""
    for path in (
        "/",
        "/nearturn.v1.DemandService/Forget",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ):
        assert (await posted(door.port, path)).status == 404


async def test_pages_of_listed_origins_may_call(door: WebDoorServer):
    """The question before the call, the call, and what their scripts may read of it."""
    asked = await posted(
        door.port,
        UPSERT,
        b"",
        "OPTIONS",
        origin=ORIGIN,
        access_control_request_method="POST",
        access_control_request_headers="authorization,content-type,connect-timeout-ms,"
        "nearturn-tenant,connect-protocol-version,x-grpc-web,x-user-agent,grpc-timeout,traceparent",
    )
    assert asked.status == 200
    assert asked.headers["access-control-allow-origin"] == ORIGIN
    assert asked.headers["access-control-allow-methods"] == "post"
    assert "access-control-allow-credentials" not in asked.headers
    called = await posted(door.port, HEALTH, origin=ORIGIN)
    assert called.status == 200
    assert called.headers["access-control-allow-origin"] == ORIGIN
    exposed = called.headers["access-control-expose-headers"].split(", ")
    assert exposed == ["grpc-status", "grpc-message", "grpc-status-details-bin"]
    other = await posted(
        door.port,
        UPSERT,
        b"",
        "OPTIONS",
        origin="https://other.example",
        access_control_request_method="POST",
    )
    assert other.status == 403
    assert "access-control-allow-origin" not in other.headers


async def test_health_tells_of_every_service(door: WebDoorServer):
    """As at gRPC's port: by name, unknown names are not found, stopping is told."""

    async def status(name: str) -> str:
        body = json.dumps({"service": name}).encode()
        answer = await posted(door.port, HEALTH, body)
        assert answer.status == 200
        return str(answer.told["status"])

    names = ["", *(service.full_name for service in services())]
    assert {await status(name) for name in names} == {"SERVING"}
    unknown = await posted(door.port, HEALTH, b'{"service":"nobody"}')
    assert (unknown.status, unknown.told["code"]) == (404, "not_found")
    assert (await posted(door.port, HEALTH, b'{"name":1}')).status == 400
    await door.registration.stopping()
    assert {await status(name) for name in names} == {"NOT_SERVING"}
    raw = health_pb2.HealthCheckRequest().SerializeToString()
    answer = await posted(door.port, HEALTH, raw, content_type="application/proto")
    found = health_pb2.HealthCheckResponse.FromString(answer.body)
    assert found.status == health_pb2.HealthCheckResponse.NOT_SERVING
