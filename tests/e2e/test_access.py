"""Every method of a real server with every kind of credentials, over TLS."""

from __future__ import annotations

import asyncio
import base64
import getpass
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import jwt
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from nearturn import Client, secure
from nearturn.v1 import access_service_pb2, policy_service_pb2
from server.access.role import Role
from server.api.access_rules import role_of
from server.api.registration import services
from tests.scenarios.access_folder import AccessFolder
from tests.scenarios.doors import (
    BrowserDoor,
    Door,
    GrpcDoor,
    Refusal,
    connect_port,
)
from tests.scenarios.server_process import ServerProcess
from tests.scenarios.web_caller import WebCaller, WebRefusedError

pytestmark = pytest.mark.e2e

METHODS = [method for service in services() for method in service.methods]

_ANY_PATH = "/nearturn.v1.PolicyService/GetProgram"

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
REFUSED = {UNAUTHENTICATED, PERMISSION_DENIED}


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> AccessFolder:
    """Make the credentials of a server."""
    return AccessFolder(tmp_path_factory.mktemp("access"))


@pytest.fixture(scope="module")
def server(access: AccessFolder) -> Iterator[ServerProcess]:
    """Run a server that asks for keys and tokens."""
    flags = access.flags(connect_listen="127.0.0.1:0")
    with ServerProcess(access.folder, access=flags) as started:
        yield started


@pytest.fixture
def doors(server: ServerProcess, access: AccessFolder) -> list[Door]:
    """Return its doors, each of which has to answer the same."""
    return [GrpcDoor(server, access), BrowserDoor(server, access)]


def channel_of(
    server: ServerProcess, credentials: grpc.ChannelCredentials
) -> grpc.aio.Channel:
    """Open a channel over TLS."""
    return grpc.aio.secure_channel(server.address, credentials)


async def codes(door: Door, credential: str | None) -> dict[str, grpc.StatusCode]:
    """Call every method at a door and return what each ended with."""
    found = {}
    async with door.calls(credential) as call:
        for method in METHODS:
            refusal = await call(method)
            found[method.full_name] = refusal.code if refusal else grpc.StatusCode.OK
    return found


@pytest.mark.parametrize(
    "roles",
    [("read",), ("submit",), ("operate",), ("admin",), ("read", "submit")],
    ids="+".join,
)
@pytest.mark.parametrize("kind", ["key", "token"])
async def test_exactly_the_methods_of_its_roles_are_open_to_a_caller(
    doors: list[Door], access: AccessFolder, kind: str, roles: Sequence[str]
):
    """Of all methods those pass whose role the caller has, and the rest is denied."""
    credential = getattr(access, kind)(*roles)
    await _reread(doors[0], access)
    held = {Role[name.upper()] for name in roles}
    allowed = {
        method.full_name
        for method in METHODS
        if role_of(method) in held or Role.ADMIN in held
    }
    unimplemented = {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL}
    for door in doors:
        found = await codes(door, credential)
        assert UNAUTHENTICATED not in found.values()
        let_in = {name for name, code in found.items() if code is not PERMISSION_DENIED}
        assert let_in == allowed
        assert unimplemented.isdisjoint(found.values())


@pytest.mark.parametrize("kind", ["key", "token"])
async def test_nothing_is_open_to_another_tenant(
    doors: list[Door], access: AccessFolder, kind: str
):
    """An admin of another tenant is denied every method, and not told whose it is."""
    credential = getattr(access, kind)("admin", tenant="other")
    await _reread(doors[0], access)
    for door in doors:
        assert set((await codes(door, credential)).values()) == {PERMISSION_DENIED}
        refusal = await _first_refusal(door, credential)
        assert "default" not in str(refusal.status)
        info = refusal.info
        assert (info.reason, info.domain) == ("ACCESS_DENIED", "nearturn")
        # What it has called itself, by whichever door, and nothing of what there is.
        assert set(info.metadata) == {"cause", "method"}
        assert info.metadata["cause"] == "tenant"
        assert info.metadata["method"] in {each.full_name for each in METHODS}


async def test_nothing_is_open_without_credentials(doors: list[Door]):
    """Every method asks for them, and says how they are sent."""
    for door in doors:
        found = await codes(door, None)
        assert set(found.values()) == {UNAUTHENTICATED}
        refusal = await _first_refusal(door, None)
        assert "authorization" in refusal.status.message
        assert _cause(refusal) == "missing"


def _unsigned(access: AccessFolder) -> str:
    return jwt.encode(
        jwt.decode(access.token("admin"), options={"verify_signature": False}),
        None,
        "none",
        headers={"kid": "rsa"},
    )


def _signed_with_the_public_key(access: AccessFolder) -> str:
    # The library would not do it, for the same reason.
    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    claims = jwt.decode(access.token("admin"), options={"verify_signature": False})
    header = part(b'{"alg":"HS256","kid":"rsa"}')
    body = header + b"." + part(json.dumps(claims).encode())
    mac = hmac.new(access.public_pem(), body, hashlib.sha256).digest()
    return (body + b"." + part(mac)).decode()


def _tampered(access: AccessFolder) -> str:
    head, _, signature = access.token("read").split(".")
    _, body, _ = access.token("admin").split(".")
    return f"{head}.{body}.{signature}"


def _revoked(access: AccessFolder) -> str:
    key = access.key("admin")
    access.api_keys.revoke(key.split("_")[1], 1)
    return key


FAULTS: dict[str, Any] = {
    "expired key": (lambda a: a.key("admin", ended=True), "expired"),
    "revoked key": (_revoked, "revoked"),
    "wrong secret": (lambda a: a.key("admin")[:-4] + "AAAA", "unknown"),
    "no such key": (lambda _: f"ntk_{'a' * 16}_{'A' * 43}", "unknown"),
    "half a key": (lambda a: a.key("admin")[:30], "malformed"),
    "expired token": (lambda a: a.token("admin", exp=1_000_000), "expired"),
    "token of tomorrow": (lambda a: a.token("admin", nbf=4e9), "early"),
    "wrong audience": (lambda a: a.token("admin", aud="shop"), "audience"),
    "wrong issuer": (lambda a: a.token("admin", iss="https://x"), "issuer"),
    "no expiry": (lambda a: a.token("admin", exp=None), "claims"),
    "no tenant": (lambda a: a.token("admin", tenant=None), "claims"),
    "no role": (lambda a: a.token(), "claims"),
    "alg none": (_unsigned, "algorithm"),
    "public key as a secret": (_signed_with_the_public_key, "algorithm"),
    "other claims": (_tampered, "signature"),
    "no token at all": (lambda _: "nonsense", "malformed"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_faulty_credential_opens_nothing(
    doors: list[Door], access: AccessFolder, name: str
):
    """UNAUTHENTICATED from every method, with its cause, and not in the log."""
    make, cause = FAULTS[name]
    credential = make(access)
    await _reread(doors[0], access)
    for door in doors:
        found = await codes(door, credential)
        assert set(found.values()) == {UNAUTHENTICATED}
        refusal = await _first_refusal(door, credential)
        assert _cause(refusal) == cause
        assert credential not in str(refusal.status)


async def _reread(door: Door, access: AccessFolder) -> None:
    # A key made now opens: so the server has read the file as it is.
    key = access.key("read")
    for _ in range(200):
        if (await _first_refusal(door, key)).code is not UNAUTHENTICATED:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the file of keys is not read again")


async def _first_refusal(door: Door, credential: str | None) -> Refusal:
    # Nobody may do this: the method wants more than an empty request, too.
    (method,) = [m for m in METHODS if m.name == "CreatePolicy"]
    async with door.calls(credential) as call:
        refusal = await call(method)
    assert refusal is not None
    return refusal


def _cause(refusal: Refusal) -> str:
    assert refusal.info.reason == "UNAUTHENTICATED"
    return refusal.info.metadata["cause"]


async def test_health_is_open_and_reflection_is_not(
    server: ServerProcess, access: AccessFolder
):
    """Probes have no credentials; the contract is for those who may read."""
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async with channel_of(server, access.credentials()) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest()
        )
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            # Sending, gRPC's client may be taken aback by the end.
            async for _ in stub.ServerReflectionInfo(iter([])):
                pass
    assert refused.value.code() is UNAUTHENTICATED
    async with channel_of(server, access.credentials(access.token("read"))) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        async for answer in stub.ServerReflectionInfo(iter([request])):
            names = [each.name for each in answer.list_services_response.service]
    assert "nearturn.v1.MatchService" in names


async def test_whoever_is_not_sure_of_the_server_does_not_reach_it(
    server: ServerProcess, access: AccessFolder
):
    """Neither in the clear nor by another authority is there an answer at a door."""
    other = trustme.CA().cert_pem.bytes()
    for channel in (
        grpc.aio.insecure_channel(server.address),
        grpc.aio.secure_channel(server.address, secure(root_certificates=other)),
    ):
        async with channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(), timeout=10
                )
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    address = f"127.0.0.1:{connect_port(server)}"
    path = _ANY_PATH
    for url, ca in ((f"http://{address}", None), (f"https://{address}", other)):
        async with WebCaller(url, ca=ca) as caller:
            with pytest.raises(WebRefusedError) as lost:
                await caller.unary(path, b"", timeout_ms=10_000)
        assert lost.value.status.code == grpc.StatusCode.UNAVAILABLE.value[0]
    for port, hello in (
        (server.address.split(":")[1], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0"),
        (connect_port(server), b"POST / HTTP/1.1\r\nhost: x\r\n\r\n"),
    ):
        with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as plain:
            plain.sendall(hello + b"\0" * 4)
            assert plain.recv(1 << 16)[:1] in (b"", b"\x15"), "an alert of TLS at most"


async def test_a_new_certificate_needs_no_restart(
    server: ServerProcess, access: AccessFolder
):
    """Written over the old one, the next handshake shows it, and so back again."""
    browser = f"https://127.0.0.1:{connect_port(server)}"
    for ca in (trustme.CA(), access.ca):
        access.write_certificate(ca)
        root = ca.cert_pem.bytes()
        await _shown(server, secure(root_certificates=root))
        await _shown_to_browsers(browser, root)


async def _shown(server: ServerProcess, credentials: grpc.ChannelCredentials) -> None:
    for _ in range(100):
        async with channel_of(server, credentials) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            call = health.Check(health_pb2.HealthCheckRequest(), timeout=5)
            if await call.code() is grpc.StatusCode.OK:
                return
        await asyncio.sleep(0.05)
    raise AssertionError("the certificate is never shown")


async def _shown_to_browsers(url: str, root: bytes) -> None:
    for _ in range(100):
        async with WebCaller(url, ca=root) as caller:
            with pytest.raises(WebRefusedError) as refused:
                await caller.unary(_ANY_PATH, b"", timeout_ms=5_000)
        if refused.value.status.code == UNAUTHENTICATED.value[0]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the certificate is never shown to browsers")


def test_the_typed_client_may_renew_its_token(
    server: ServerProcess, access: AccessFolder
):
    """``nearturn.Client`` asks a function for the token of each call."""
    asked: list[str] = []

    def token() -> str:
        asked.append(access.token("read"))
        return asked[-1]

    credentials = secure(root_certificates=access.ca.cert_pem.bytes(), token=token)
    with Client(server.address, credentials=credentials) as client:
        for _ in range(2):
            client.policies.GetProgram(policy_service_pb2.GetProgramRequest())
    assert len(asked) == 2


def _command(*arguments: str, **environment: str) -> str:
    # Nothing of the caller's environment: what is given is what counts.
    command = (sys.executable, "-c", "from server.cli import main; main()", *arguments)
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**kept, **environment},
    )
    return done.stdout if done.returncode == 0 else done.stderr


async def test_commands_reach_a_server_that_asks_who_calls(
    server: ServerProcess, access: AccessFolder, tmp_path: Path
):
    """By options before the command, or by environment; each is told what it lacks."""
    ca, key_file = tmp_path / "ca.pem", tmp_path / "key.txt"
    access.ca.cert_pem.write_to_path(ca)
    keys = str(access.api_keys.path)
    made = _command("keys", "create", "--file", keys, "--role", "admin")
    key_file.write_text(made)
    await _reread(GrpcDoor(server, access), access)
    to = ("--server", server.address)
    shown = ("--ca", str(ca), "--token-file", str(key_file))
    assert "API_KEY_CREATED" in _command(*shown, "audit", *to)
    token = access.token("read")
    refused = _command("audit", *to, NEARTURN_CA=str(ca), NEARTURN_TOKEN=token)
    assert "PERMISSION_DENIED" in refused
    assert "token:tester lacks the role admin" in refused
    assert "UNAUTHENTICATED" in _command("--ca", str(ca), "audit", *to)
    key_id = made.split("_")[1]
    assert f"{key_id}  holds  default  admin" in _command(
        "keys", "list", "--file", keys
    )
    assert "revoked" in _command("keys", "revoke", "--file", keys, key_id)
    await _reread(GrpcDoor(server, access), access)
    assert "revoked" in _command(*shown, "audit", *to)


async def test_the_audit_log_names_whoever_it_was(
    server: ServerProcess, access: AccessFolder
):
    """A pause by a key and a token, and the keys themselves under who made them."""
    key = access.key("operate", "admin")
    await _reread(GrpcDoor(server, access), access)
    who = {"key": (key, f"key:{key.split('_')[1]}")}
    who["token"] = (access.token("operate"), "token:tester")
    for name, (credential, _) in who.items():
        with Client(server.address, credentials=access.credentials(credential)) as one:
            one.policies.PauseProgram(
                policy_service_pb2.PauseProgramRequest(note=f"by {name}")
            )
    deadline = time.monotonic() + 60
    with Client(server.address, credentials=access.credentials(key)) as client:
        while True:
            request = access_service_pb2.ListAuditEntriesRequest(page_size=1_000)
            log = client.access.ListAuditEntries(request).entries
            created = {
                each.target: each.subject
                for each in log
                if each.action == access_service_pb2.AUDIT_ACTION_API_KEY_CREATED
            }
            ours = {each.key_id for each in access.api_keys.read()}
            if key.split("_")[1] in created:
                break
            assert time.monotonic() < deadline, "the key is never noted"
            await asyncio.sleep(0.1)
    paused = {each.note: each.subject for each in log if each.note.startswith("by ")}
    assert paused == {f"by {name}": subject for name, (_, subject) in who.items()}
    assert set(created) <= ours, "those of another tenant are its own matter"
    assert set(created.values()) <= {"file:test", f"file:{getpass.getuser()}"}
    assert [each.number for each in log] == list(range(1, len(log) + 1))


def test_no_secret_is_in_the_log(server: ServerProcess, access: AccessFolder):
    """After all that: neither a key nor a token nor a hash of one was written down."""
    logged = server.logged()
    assert '"code":"UNAUTHENTICATED"' in logged.replace(": ", ":")
    assert "ntk_" not in logged
    assert "eyJ" not in logged, "so begins every token"
    for key in access.api_keys.read():
        assert key.secret_sha256 not in logged


async def test_client_certificates_stand_for_callers(tmp_path: Path):
    """By its name one may read; one of another authority, or none, does not get in."""
    access = AccessFolder(tmp_path / "access")
    clients = tmp_path / "clients.toml"
    clients.write_text(
        '[[client]]\nname = "dns:orders.test"\ntenant = "default"\nroles = ["read"]\n'
        '[[client]]\nname = "dns:other.test"\ntenant = "other"\nroles = ["admin"]\n'
    )
    flags = access.flags(
        tls_client_ca=str(access.folder / "client_ca.pem"),
        tls_clients=str(clients),
        connect_listen="127.0.0.1:0",
    )
    (method,) = [m for m in METHODS if m.name == "GetProgram"]

    async def code(
        door: Door, client: trustme.LeafCert | None, token: str | None = None
    ) -> str:
        async with door.calls(token, client) as call:
            refusal = await call(method)
        return refusal.code.name if refusal else "OK"

    issue, submitter = access.client_ca.issue_cert, access.key("submit")
    with ServerProcess(tmp_path, access=flags) as server:
        for door in (GrpcDoor(server, access), BrowserDoor(server, access)):
            assert await code(door, issue("orders.test")) == "OK"
            assert await code(door, issue("other.test")) == "PERMISSION_DENIED"
            assert await code(door, issue("nobody.test")) == "UNAUTHENTICATED"
            both = issue("orders.test", "other.test")
            assert await code(door, both) == "UNAUTHENTICATED"
            # Whoever shares a connection speaks for itself.
            assert await code(door, issue("orders.test"), submitter) == (
                "PERMISSION_DENIED"
            )
            assert await code(door, issue("nobody.test"), access.token("read")) == "OK"
            stranger = trustme.CA().issue_cert("orders.test")
            assert await code(door, stranger) == "UNAVAILABLE"
            assert await code(door, None) == "UNAVAILABLE"
