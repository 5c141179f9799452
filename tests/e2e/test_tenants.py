"""A real server of two tenants: keys, quotas that change, and what the log says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from nearturn import Client, error_details
from nearturn.v1 import demand_service_pb2 as pb
from tests.contract.messages import demand, timestamp
from tests.scenarios import DAY_US
from tests.scenarios.access_folder import AccessFolder
from tests.scenarios.server_process import ServerProcess, now_us

pytestmark = pytest.mark.e2e

ONE, TWO = "brand-one", "brand-two"


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> AccessFolder:
    """Make the credentials of a server."""
    return AccessFolder(tmp_path_factory.mktemp("tenants"))


@pytest.fixture(scope="module")
def quotas(access: AccessFolder) -> Path:
    """Return the file of quotas, in which the first tenant may hold two demands."""
    file = access.folder / "tenants.toml"
    file.write_text(f'[[tenant]]\nname = "{ONE}"\ndemand_count_max = 2\n')
    return file


@pytest.fixture(scope="module")
def clients(
    access: AccessFolder, quotas: Path
) -> Iterator[tuple[ServerProcess, Client, Client]]:
    """Run a server of two tenants, with a client of each."""
    keys = [access.key("submit", "read", tenant=each) for each in (ONE, TWO)]
    flags = access.flags(tenants=f"{ONE},{TWO}", tenant_quotas=str(quotas))
    with ServerProcess(access.folder, access=flags) as server:
        one, two = (
            Client(server.address, credentials=access.credentials(key)) for key in keys
        )
        yield server, one, two
        one.close()
        two.close()


def _upsert(client: Client, name: str) -> None:
    due = timestamp(now_us() + 2 * DAY_US)
    request = pb.UpsertDemandRequest(demand=demand(name, ship_by_time=due))
    client.demands.UpsertDemand(request, timeout=20)


def _code(client: Client, name: str) -> grpc.StatusCode:
    try:
        client.demands.GetDemand(pb.GetDemandRequest(demand_id=name), timeout=20)
    except grpc.RpcError as error:
        return error.code()  # type: ignore[no-any-return]
    return grpc.StatusCode.OK


def test_a_key_is_for_its_own_tenant(
    clients: tuple[ServerProcess, Client, Client],
) -> None:
    """The same id is two demands; what one has alone the other has not."""
    _, one, two = clients
    _upsert(one, "both")
    _upsert(two, "both")
    _upsert(two, "second")
    assert _code(one, "second") is grpc.StatusCode.NOT_FOUND
    assert _code(two, "second") is grpc.StatusCode.OK
    listed = one.demands.ListDemands(pb.ListDemandsRequest(), timeout=20)
    assert [each.demand_id for each in listed.demands] == ["both"]


def test_a_token_of_another_tenant_is_denied(
    clients: tuple[ServerProcess, Client, Client], access: AccessFolder
) -> None:
    """Of one that is not served; metadata that names one that is changes nothing."""
    server, _, _ = clients
    token = access.token("admin", tenant="brand-three")
    with Client(server.address, credentials=access.credentials(token)) as third:
        for metadata in (None, (("nearturn-tenant", ONE),)):
            with pytest.raises(grpc.RpcError) as denied:
                third.demands.ListDemands(
                    pb.ListDemandsRequest(), timeout=20, metadata=metadata
                )
            assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_quota_is_its_tenants_and_changes_with_the_file(
    clients: tuple[ServerProcess, Client, Client], quotas: Path
) -> None:
    """The third demand is refused to one and not to the other, until it may be held."""
    _, one, two = clients
    for name in ("q1", "q2", "q3"):
        _upsert(two, name)
    _upsert(one, "both")
    _upsert(one, "q1")
    with pytest.raises(grpc.RpcError) as full:
        _upsert(one, "q2")
    assert full.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    info, quota, retry = error_details(full.value)
    assert dict(info.metadata) == {
        "limit": "demand_count_max",
        "value": "3",
        "maximum": "2",
    }
    assert quota.violations[0].subject == "demand_count_max"
    assert retry.retry_delay.seconds > 0
    quotas.write_text(f'[[tenant]]\nname = "{ONE}"\ndemand_count_max = 3\n')
    until = time.monotonic() + 20
    while True:
        try:
            _upsert(one, "q2")
        except grpc.RpcError:
            assert time.monotonic() < until, "the file is not read again"
            time.sleep(0.1)
        else:
            break
    assert _code(one, "q2") is grpc.StatusCode.OK


def test_the_log_says_whose_each_call_was(
    clients: tuple[ServerProcess, Client, Client],
) -> None:
    """By the tenant of the credentials; refused ones have theirs, too."""
    server, one, two = clients
    _code(one, "both")
    _code(two, "both")
    lines = [
        json.loads(line) for line in server.logged().splitlines() if line[:1] == "{"
    ]
    told = {(line["tenant"], line["code"]) for line in lines if line["event"] == "call"}
    assert {(ONE, "OK"), (TWO, "OK"), ("brand-three", "PERMISSION_DENIED")} <= told
