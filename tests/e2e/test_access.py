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
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import jwt
import pytest
import trustme
from google.protobuf.descriptor import MethodDescriptor
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from nearturn import Client, error_details, secure
from nearturn.v1 import access_service_pb2, match_service_pb2, policy_service_pb2
from server.access.role import Role
from server.api.access_rules import method_path, role_of
from server.api.registration import services
from tests.scenarios.access_folder import AccessFolder
from tests.scenarios.server_process import ServerProcess

pytestmark = pytest.mark.e2e

METHODS = [method for service in services() for method in service.methods]

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
REFUSED = {UNAUTHENTICATED, PERMISSION_DENIED}

# An empty request is enough to get past the door; one that waits is told not to.
REQUESTS = {
    "WatchDecisionsRequest": match_service_pb2.WatchDecisionsRequest(stop_at_end=True)
}


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> AccessFolder:
    """Make the credentials of a server."""
    return AccessFolder(tmp_path_factory.mktemp("access"))


@pytest.fixture(scope="module")
def server(access: AccessFolder) -> Iterator[ServerProcess]:
    """Run a server that asks for keys and tokens."""
    with ServerProcess(access.folder, access=access.flags()) as started:
        yield started


async def called(
    channel: grpc.aio.Channel, method: MethodDescriptor
) -> grpc.aio.AioRpcError | None:
    """Call a method by its kind and return what it was refused with."""
    request = REQUESTS.get(method.input_type.name)
    raw = b"" if request is None else request.SerializeToString()
    kind = (
        f"{'stream' if method.client_streaming else 'unary'}_"
        f"{'stream' if method.server_streaming else 'unary'}"
    )
    given = _nothing() if method.client_streaming else raw
    call = getattr(channel, kind)(method_path(method))(given, timeout=20)
    try:
        if method.server_streaming:
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error
    return None


async def _nothing() -> AsyncIterator[bytes]:
    for each in ():
        yield each


def channel_of(
    server: ServerProcess, credentials: grpc.ChannelCredentials
) -> grpc.aio.Channel:
    """Open a channel over TLS."""
    return grpc.aio.secure_channel(server.address, credentials)


async def codes(
    server: ServerProcess, credentials: grpc.ChannelCredentials
) -> dict[str, grpc.StatusCode]:
    """Call every method and return what each ended with."""
    found = {}
    async with channel_of(server, credentials) as channel:
        for method in METHODS:
            error = await called(channel, method)
            found[method.full_name] = error.code() if error else grpc.StatusCode.OK
    return found


@pytest.mark.parametrize(
    "roles",
    [("read",), ("submit",), ("operate",), ("admin",), ("read", "submit")],
    ids="+".join,
)
@pytest.mark.parametrize("kind", ["key", "token"])
async def test_exactly_the_methods_of_its_roles_are_open_to_a_caller(
    server: ServerProcess, access: AccessFolder, kind: str, roles: Sequence[str]
):
    """Of all methods those pass whose role the caller has, and the rest is denied."""
    credential = getattr(access, kind)(*roles)
    await _reread(server, access)
    found = await codes(server, access.credentials(credential))
    assert UNAUTHENTICATED not in found.values()
    let_in = {name for name, code in found.items() if code is not PERMISSION_DENIED}
    held = {Role[name.upper()] for name in roles}
    assert let_in == {
        method.full_name
        for method in METHODS
        if role_of(method) in held or Role.ADMIN in held
    }
    unimplemented = {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL}
    assert unimplemented.isdisjoint(found.values())


@pytest.mark.parametrize("kind", ["key", "token"])
async def test_nothing_is_open_to_another_tenant(
    server: ServerProcess, access: AccessFolder, kind: str
):
    """An admin of another tenant is denied every method, and not told whose it is."""
    credential = getattr(access, kind)("admin", tenant="other")
    await _reread(server, access)
    assert set((await codes(server, access.credentials(credential))).values()) == {
        PERMISSION_DENIED
    }
    error = await _first_refusal(server, access.credentials(credential))
    assert "default" not in str(error.details())
    (info,) = error_details(error)
    assert (info.reason, info.domain) == ("ACCESS_DENIED", "nearturn")
    assert info.metadata["cause"] == "tenant"


async def test_nothing_is_open_without_credentials(
    server: ServerProcess, access: AccessFolder
):
    """Every method asks for them, and says how they are sent."""
    found = await codes(server, access.credentials())
    assert set(found.values()) == {UNAUTHENTICATED}
    error = await _first_refusal(server, access.credentials())
    assert "authorization" in str(error.details())
    assert _cause(error) == "missing"


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
    server: ServerProcess, access: AccessFolder, name: str
):
    """UNAUTHENTICATED from every method, with its cause, and not in the log."""
    make, cause = FAULTS[name]
    credential = make(access)
    await _reread(server, access)
    found = await codes(server, access.credentials(credential))
    assert set(found.values()) == {UNAUTHENTICATED}
    error = await _first_refusal(server, access.credentials(credential))
    assert _cause(error) == cause
    assert credential not in f"{error.details()}"


async def _reread(server: ServerProcess, access: AccessFolder) -> None:
    # A key made now opens: so the server has read the file as it is.
    key = access.key("read")
    for _ in range(200):
        error = await _first_refusal(server, access.credentials(key))
        if error.code() is not UNAUTHENTICATED:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the file of keys is not read again")


async def _first_refusal(
    server: ServerProcess, credentials: grpc.ChannelCredentials
) -> grpc.aio.AioRpcError:
    # Nobody may do this: the method wants more than an empty request, too.
    (method,) = [m for m in METHODS if m.name == "CreatePolicy"]
    async with channel_of(server, credentials) as channel:
        error = await called(channel, method)
    assert error is not None
    return error


def _cause(error: grpc.aio.AioRpcError) -> str:
    (info,) = error_details(error)
    assert isinstance(info, ErrorInfo)
    assert info.reason == "UNAUTHENTICATED"
    return info.metadata["cause"]


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
    """Neither in the clear nor by another authority is there an answer."""
    other = secure(root_certificates=trustme.CA().cert_pem.bytes())
    for channel in (
        grpc.aio.insecure_channel(server.address),
        grpc.aio.secure_channel(server.address, other),
    ):
        async with channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(), timeout=10
                )
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        assert plain.recv(1 << 16)[:1] in (b"", b"\x15"), "an alert of TLS at most"


async def test_a_new_certificate_needs_no_restart(
    server: ServerProcess, access: AccessFolder
):
    """Written over the old one, it is what the next handshake shows, and back again."""
    for ca in (trustme.CA(), access.ca):
        access.write_certificate(ca)
        await _shown(server, secure(root_certificates=ca.cert_pem.bytes()))


async def _shown(server: ServerProcess, credentials: grpc.ChannelCredentials) -> None:
    for _ in range(100):
        async with channel_of(server, credentials) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            call = health.Check(health_pb2.HealthCheckRequest(), timeout=5)
            if await call.code() is grpc.StatusCode.OK:
                return
        await asyncio.sleep(0.05)
    raise AssertionError("the certificate is never shown")


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
    await _reread(server, access)
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
    await _reread(server, access)
    assert "revoked" in _command(*shown, "audit", *to)


async def test_the_audit_log_names_whoever_it_was(
    server: ServerProcess, access: AccessFolder
):
    """A pause by a key and a token, and the keys themselves under who made them."""
    key = access.key("operate", "admin")
    await _reread(server, access)
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


def test_client_certificates_stand_for_callers(tmp_path: Path):
    """By its name one may read; one of another authority, or none, does not get in."""
    access = AccessFolder(tmp_path / "access")
    clients = tmp_path / "clients.toml"
    clients.write_text(
        '[[client]]\nname = "dns:orders.test"\ntenant = "default"\nroles = ["read"]\n'
        '[[client]]\nname = "dns:other.test"\ntenant = "other"\nroles = ["admin"]\n'
    )
    flags = access.flags(
        tls_client_ca=str(access.folder / "client_ca.pem"), tls_clients=str(clients)
    )

    def code(client: trustme.LeafCert | None, token: str | None = None) -> str:
        credentials = access.credentials(token, client)
        with Client(server.address, credentials=credentials) as caller:
            try:
                caller.policies.GetProgram(
                    policy_service_pb2.GetProgramRequest(), timeout=10
                )
            except grpc.RpcError as error:
                return str(error.code().name)
        return "OK"

    issue, submitter = access.client_ca.issue_cert, access.key("submit")
    with ServerProcess(tmp_path, access=flags) as server:
        assert code(issue("orders.test")) == "OK"
        assert code(issue("other.test")) == "PERMISSION_DENIED"
        assert code(issue("nobody.test")) == "UNAUTHENTICATED"
        assert code(issue("orders.test", "other.test")) == "UNAUTHENTICATED"
        # Whoever shares a connection speaks for itself.
        assert code(issue("orders.test"), submitter) == "PERMISSION_DENIED"
        assert code(issue("nobody.test"), access.token("read")) == "OK"
        assert code(trustme.CA().issue_cert("orders.test")) == "UNAVAILABLE"
        assert code(None) == "UNAVAILABLE"
