"""`nearturn explain` and `nearturn verify --round`, as a user would run them."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from matcher.domain.errors import (
    CertificateError,
    InvalidValueError,
    NotFoundError,
    UnavailableError,
)
from nearturn.v1 import match_service_pb2 as matches
from server.cli.app import app
from server.runtime.runtime import Runtime
from server.storage.sql_store import SqlStore
from tests.contract.api_target import Api, LocalTransport, SocketServer
from tests.contract.messages import activate, demand, return_item, submit, upsert


async def _run(*arguments: str) -> Result:
    """Run a command beside the server."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


@pytest.fixture
async def address(runtime: Runtime, socket_server: SocketServer) -> str:
    """Give the address of a server that has run a round of two returns, one buyer."""
    api = Api(LocalTransport(runtime), runtime)
    await activate(api)
    await upsert(api, demand("d1", 1_000), demand("d2", 5_000))
    await submit(
        api, return_item("r1"), return_item("r2", 4_000), return_item("r3", 40_000)
    )
    await api(matches.RunRoundRequest())
    return socket_server.address


async def test_a_return_is_explained_to_people(address: str):
    """A match with its alternatives, a non-match with what it lacked."""
    matched = await _run("explain", "r1", "--server", address, "--full")
    assert matched.exit_code == 0, matched.output
    assert "return r1, decision d-" in matched.stdout
    assert ": MATCHED" in matched.stdout
    assert "alternatives, the best first:" in matched.stdout
    assert "order d2, 5,000 m" in matched.stdout
    assert "return r2: order d2 (5,990,000 micros) -> order d1" in matched.stdout
    other = await _run("explain", "r3", "--server", address, "--full")
    assert "nothing less:" in other.stdout
    assert "the cheapest way to a buyer, the round" in other.stdout
    assert "-> no buyer" in other.stdout


async def test_a_decision_is_explained_as_json(address: str):
    """The whole answer, by the names of the contract; BASIC unless asked."""
    answer = await _run(
        "explain", "--decision", "d-000000000001", "--server", address, "--json"
    )
    # Above it stands the log of the server, which is in the same process.
    document = json.loads(answer.stdout.splitlines()[-1])
    assert document["decision"]["decision_id"] == "d-000000000001"
    assert "detail_summary" not in document
    german = await _run("explain", "r1", "--server", address, "--locale", "de")
    assert "to the customer (de)" in german.stdout


async def test_what_cannot_be_explained_is_an_error(address: str):
    """Nothing named, both named, nobody known, nobody there."""
    for arguments, kind in (
        (("explain",), InvalidValueError),
        (("explain", "r1", "--decision", "d-1"), InvalidValueError),
        (("explain", "r9", "--server", address), NotFoundError),
        (("verify",), InvalidValueError),
        (("verify", "plan.json", "--round", "r-1"), InvalidValueError),
        (("verify", "--round", "r-9", "--server", address), NotFoundError),
    ):
        result = await _run(*arguments)
        assert isinstance(result.exception, kind), arguments


async def test_a_refusal_of_the_server_is_said_as_its_own(address: str):
    """Who does not exist, and which value is not accepted, in plain words."""
    unknown = await _run("explain", "nope", "--server", address)
    assert str(unknown.exception) == "return 'nope' does not exist"
    odd = await _run("explain", "r1", "--server", address, "--locale", "?")
    assert isinstance(odd.exception, InvalidValueError)
    assert str(odd.exception).startswith("locale: got '?'; accepted: ")
    assert "knows" not in str(odd.exception)


async def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch):
    """One line with address and status."""
    result = await _run("explain", "r1", "--server", "127.0.0.1:1")
    assert isinstance(result.exception, UnavailableError)
    assert str(result.exception).startswith("127.0.0.1:1: UNAVAILABLE")


async def test_a_round_is_verified(address: str):
    """By its proof, and lived again."""
    round_id = "r-000000000001"
    plain = await _run("verify", "--round", round_id, "--server", address)
    assert plain.exit_code == 0, plain.output
    assert "2 matches save 11980000 micros" in plain.stdout
    assert "lived again" not in plain.stdout
    again = await _run("verify", "--round", round_id, "--server", address, "--replay")
    assert "lived again: 3 decisions and proof are the same" in again.stdout


async def test_a_round_that_does_not_hold(
    address: str, monkeypatch: pytest.MonkeyPatch
):
    """A decision that differs is an error that names it; a damaged proof too."""
    honest = SqlStore.decision
    monkeypatch.setattr(SqlStore, "decision", lambda *_: None)
    arguments = ("verify", "--round", "r-000000000001", "--server", address)
    result = await _run(*arguments, "--replay")
    assert isinstance(result.exception, CertificateError)
    assert "d-00000000000" in str(result.exception)
    assert "the proof is the same" in str(result.exception)
    monkeypatch.setattr(SqlStore, "decision", honest)
    monkeypatch.setattr("matcher.engine.recorded_proof.unpack", _damaged)
    result = await _run(*arguments)
    assert isinstance(result.exception, CertificateError)
    assert "damaged" in str(result.exception)


def _damaged(_data: bytes) -> object:
    raise CertificateError("the proof is damaged")
