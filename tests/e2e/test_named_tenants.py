"""A real server of two tenants without credentials, whose callers name theirs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pyarrow as pa
import pytest

from nearturn import Client
from nearturn.async_client import AsyncClient
from nearturn.v1 import demand_service_pb2, match_service_pb2, return_service_pb2
from tests.contract.messages import demand, return_item, timestamp
from tests.scenarios import DAY_US
from tests.scenarios.server_process import ServerProcess, now_us

pytestmark = pytest.mark.e2e

ONE, TWO = "brand-one", "brand two"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a server of two tenants that asks nobody for credentials."""
    folder = tmp_path_factory.mktemp("named")
    flags = ("--tenants", f"{ONE},{TWO}", "--metrics-listen", "127.0.0.1:0")
    with ServerProcess(folder, *flags) as running:
        yield running


def _upsert(name: str) -> demand_service_pb2.UpsertDemandRequest:
    due = timestamp(now_us() + 2 * DAY_US)
    return demand_service_pb2.UpsertDemandRequest(demand=demand(name, ship_by_time=due))


def _submit(name: str) -> return_service_pb2.SubmitReturnRequest:
    item = return_item(name, decide_by_time=timestamp(now_us() + DAY_US))
    return return_service_pb2.SubmitReturnRequest(return_item=item)


def _table(*names: str) -> pa.Table:
    count = len(names)
    return pa.table(
        {
            "demand_id": names,
            "location.latitude": [52.5] * count,
            "location.longitude": [13.4] * count,
            "sku": ["shirt"] * count,
            "category": ["apparel"] * count,
            "quantity": pa.array([1] * count, pa.int32()),
            "ship_by_time": pa.array(
                [now_us() + DAY_US] * count, pa.timestamp("us", "UTC")
            ),
            "min_condition": ["GOOD"] * count,
            "accepts_returned_item": [True] * count,
        }
    )


def _listed(client: Client, prefix: str) -> list[str]:
    found = client.demands.ListDemands(demand_service_pb2.ListDemandsRequest())
    ids = (each.demand_id for each in found.demands)
    return [each for each in ids if each.startswith(prefix)]


def test_calls_and_streams_are_for_the_tenant_that_a_client_names(
    server: ServerProcess,
) -> None:
    """What one writes, by a call and by a stream, it alone reads and watches."""
    with (
        Client(server.address, tenant=ONE) as one,
        Client(server.address, tenant=TWO) as two,
    ):
        one.demands.UpsertDemand(_upsert("c-one"))
        two.demands.UpsertDemand(_upsert("c-two"))
        assert one.import_demands(_table("c-streamed")).stored_count == 1
        assert _listed(one, "c-") == ["c-one", "c-streamed"]
        assert _listed(two, "c-") == ["c-two"]
        for client, name in ((one, "r-one"), (two, "r-two")):
            client.returns.SubmitReturn(_submit(name))
            watch = match_service_pb2.WatchDecisionsRequest()
            first = next(iter(client.matches.WatchDecisions(watch, timeout=60)))
            assert first.decision.return_id == name


async def test_so_are_those_of_an_asynchronous_client(server: ServerProcess) -> None:
    """The same in an event loop."""
    async with (
        AsyncClient(server.address, tenant=ONE) as one,
        AsyncClient(server.address, tenant=TWO) as two,
    ):
        await two.demands.UpsertDemand(_upsert("a-two"))
        assert (await two.import_demands(_table("a-streamed"))).stored_count == 1
        await two.returns.SubmitReturn(_submit("a-return"))
        for name in ("a-two", "a-streamed"):
            asked = demand_service_pb2.GetDemandRequest(demand_id=name)
            assert (await two.demands.GetDemand(asked)).demand.demand_id == name
            with pytest.raises(grpc.RpcError) as unknown:
                await one.demands.GetDemand(asked)
            assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
        watch = match_service_pb2.WatchDecisionsRequest()
        async for each in two.matches.WatchDecisions(watch, timeout=60):
            if each.decision.return_id == "a-return":
                break


def test_whoever_names_none_or_another_is_denied(server: ServerProcess) -> None:
    """The answer says how to name one, and not which there are."""
    for tenant, said in ((None, "nearturn-tenant"), ("brand", "not for that tenant")):
        with (
            Client(server.address, tenant=tenant) as client,
            pytest.raises(grpc.RpcError) as denied,
        ):
            client.demands.ListDemands(demand_service_pb2.ListDemandsRequest())
        assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert said in denied.value.details()
        assert ONE not in denied.value.details()


def _command(*arguments: str, **environment: str) -> tuple[int, str]:
    # Nothing of the caller's environment: what is given is what counts.
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        (sys.executable, "-c", "from server.cli import main; main()", *arguments),
        check=False,
        capture_output=True,
        text=True,
        env={**kept, **environment},
    )
    return done.returncode, done.stdout + done.stderr


def test_commands_name_it_before_them_or_by_environment(
    server: ServerProcess, tmp_path: Path
) -> None:
    """Each loads its own; without one the server's answer is shown."""
    to = ("--server", server.address)
    due = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(
            "demand_id,location.latitude,location.longitude,sku,category,quantity,"
            "ship_by_time,min_condition,accepts_returned_item\n"
            f"l-{name},52.5,13.4,shirt,apparel,1,{due},GOOD,true\n"
        )
    load = ("load", *to, "--demands")
    loaded = _command("--tenant", ONE, *load, str(tmp_path / "one.csv"))
    assert loaded[0] == 0, loaded
    loaded = _command(*load, str(tmp_path / "two.csv"), NEARTURN_TENANT=TWO)
    assert loaded[0] == 0, loaded
    for tenant, name in ((ONE, "l-one"), (TWO, "l-two")):
        with Client(server.address, tenant=tenant) as client:
            assert _listed(client, "l-") == [name]
    code, said = _command("audit", *to)
    assert code == 2
    assert "nearturn-tenant" in said


@pytest.mark.parametrize(
    ("server_at", "given"),
    [("127.0.0.1:1", {"NEARTURN_TOKEN": "key"}), ("nearturn.internal:1", {})],
)
def test_commands_refuse_it_where_credentials_say_it(
    server_at: str, given: dict[str, str]
) -> None:
    """Beside a token, and for any server that only TLS reaches."""
    code, said = _command("--tenant", ONE, "audit", "--server", server_at, **given)
    assert code == 2
    assert f"tenant: got '{ONE}'" in said
    assert "left out (--tenant, NEARTURN_TENANT)" in said


def test_commands_refuse_a_name_that_cannot_be_sent() -> None:
    """As the client does, in one line."""
    code, said = _command("--tenant", "bränd", "audit", "--server", "127.0.0.1:1")
    assert code == 2
    assert said.startswith("error: tenant: got 'bränd'")
    assert "printable ASCII" in said


def test_top_shows_the_figures_of_each(server: ServerProcess) -> None:
    """A row for each, or one closely: by its option, or as other commands name it."""
    lines = [
        json.loads(each) for each in server.logged().splitlines() if each[0] == "{"
    ]
    (port,) = {each["port"] for each in lines if each["event"] == "metrics"}
    with Client(server.address, tenant=TWO) as two:
        two.demands.UpsertDemand(_upsert("t-two"))
        open_count = len(_listed(two, ""))
    top = ("top", "--once", "--metrics", f"http://127.0.0.1:{port}")
    code, said = _command(*top)
    assert code == 0, said
    titled = said[said.index("Tenants:") :].split("\n\n")[0]
    assert {line[2:20].strip() for line in titled.splitlines()[1:]} == {ONE, TWO}
    for arguments in ((*top, "--tenant", TWO), ("--tenant", TWO, *top)):
        code, said = _command(*arguments)
        assert code == 0, said
        assert f"Tenant {TWO}\n" in said
        assert re.search(rf"open demands +{open_count}\n", said)
    code, said = _command(*top, "--tenant", "brand")
    assert code == 2
    assert f"tenant: got 'brand'; accepted: {TWO}, {ONE}" in said
