"""SIGKILL at every named write point of a server, and a retry of what was cut off."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message

from nearturn import Client
from nearturn.v1 import (
    demand_service_pb2,
    match_service_pb2,
    policy_service_pb2,
    privacy_service_pb2,
    return_service_pb2,
)
from server.storage.sqlite_connection import connect_read_only
from tests.contract.messages import (
    activation,
    demand,
    policy,
    return_item,
    timestamp,
    verification,
)
from tests.scenarios import DAY_US, MINUTE_US
from tests.scenarios.server_process import ServerProcess, now_us
from tests.scenarios.store_audit import StoreAudit

#: What only the erased return says of its customer.
ERASED = "customer-to-be-erased"

_COUNT = 8

# (point, which passing of it, name of the call that is cut off). A round commits twice:
# that it began, and what it decided.
POINTS = (
    ("commit, before", 1, "create"),
    ("commit, after", 2, "activate"),
    ("commit, before", 3, "buy"),
    ("commit, after", 3, "buy"),
    ("commit, before", 4, "return"),
    ("commit, after", 4, "return"),
    ("commit, before", 6, "round"),
    ("commit, after", 6, "round"),
    ("commit, before", 7, "confirm"),
    ("commit, after", 7, "confirm"),
    ("commit, before", 9, "erase"),
    ("erase, in the middle", 1, "erase"),
    ("commit, after", 9, "erase"),
)

# Few enough for every run; `make test-all` takes all.
_ALWAYS = {POINTS[7], POINTS[11]}


@dataclass
class Story:
    """Calls in their order, each with its request id, and what was answered."""

    server: ServerProcess
    answers: dict[str, Message] = field(default_factory=dict)
    requests: dict[str, tuple[Callable[[Client], Callable[..., Message]], Message]] = (
        field(default_factory=dict)
    )
    cut_off: list[str] = field(default_factory=list)

    def tell(self) -> None:
        """Make every call; after the kill, check what is stored and call again."""
        self._call("create", lambda c: c.policies.CreatePolicy, _create())
        self._call("activate", lambda c: c.policies.ActivatePolicy, activation(1))
        self._call("buy", lambda c: c.demands.BatchUpsertDemands, _buy())
        self._call("return", lambda c: c.returns.BatchSubmitReturns, _return())
        self._call("round", lambda c: c.matches.RunRound, _round())
        made = self._match_of("r0")
        confirm = match_service_pb2.ConfirmMatchRequest(match_id=made)
        self._call("confirm", lambda c: c.matches.ConfirmMatch, confirm)
        cancel = return_service_pb2.CancelReturnRequest(return_id="erased")
        self._call("cancel", lambda c: c.returns.CancelReturn, cancel)
        erase = privacy_service_pb2.ErasePersonalDataRequest(customer_id=ERASED)
        self._call("erase", lambda c: c.privacy.ErasePersonalData, erase)

    def repeat(self) -> None:
        """Make every call again: what still may be answered is answered the same."""
        with Client(self.server.address) as client:
            for name in ("buy", "round", "confirm"):
                method, request = self.requests[name]
                assert method(client)(request) == self.answers[name], name

    def _call(
        self,
        name: str,
        method: Callable[[Client], Callable[..., Message]],
        request: Message,
    ) -> None:
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, name))
        self.requests[name] = method, request
        try:
            with Client(self.server.address) as client:
                self.answers[name] = method(client)(request)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            assert self.server.wait() == -signal.SIGKILL
            self.cut_off.append(name)
            self._check(name)
            self.server.program = "from server.cli import main; main()"
            self.server.start()
            self._call(name, method, request)

    def _check(self, name: str) -> None:
        # All that was answered is there; of what was cut off all or nothing.
        audit = StoreAudit.of(self.server.store_url)
        audit.check()
        counts = {"buy": len(audit.demands), "return": len(audit.returns)}
        for call, count in counts.items():
            size = _COUNT + (call == "return")
            wanted = (0, size) if call == name else (size * (call in self.answers),)
            assert count in wanted, call
        if "round" in self.answers:
            assert len(audit.promised()) == self.answers["round"].round.matched_count

    def _match_of(self, return_id: str) -> str:
        request = return_service_pb2.GetReturnRequest(return_id=return_id)
        with Client(self.server.address) as client:
            return client.returns.GetReturn(request).decision.match.match_id


def _create() -> Message:
    return policy_service_pb2.CreatePolicyRequest(policy=policy())


def _buy() -> Message:
    late = timestamp(now_us() + 2 * DAY_US)
    return demand_service_pb2.BatchUpsertDemandsRequest(
        demands=[
            demand(f"d{number}", 100.0 * number, ship_by_time=late)
            for number in range(_COUNT)
        ]
    )


def _return() -> Message:
    evidence = verification(verify_time=timestamp(now_us() - MINUTE_US))
    late = timestamp(now_us() + DAY_US)
    items = [
        return_item(
            f"r{number}",
            100.0 * number,
            verification=evidence,
            decide_by_time=late,
        )
        for number in range(_COUNT)
    ]
    # Nobody wants this one.
    erased = return_item(
        "erased",
        sku="nobody's",
        customer_id=ERASED,
        verification=evidence,
        decide_by_time=late,
    )
    return return_service_pb2.BatchSubmitReturnsRequest(return_items=[*items, erased])


def _round() -> Message:
    return match_service_pb2.RunRoundRequest()


def _holds(folder: Path, text: str) -> set[str]:
    """Return the files of the store whose bytes hold a text."""
    return {
        each.name for each in folder.glob("*.db*") if text.encode() in each.read_bytes()
    }


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("point", "count", "call"),
    [
        pytest.param(*each, marks=() if each in _ALWAYS else pytest.mark.slow)
        for each in POINTS
    ],
)
def test_a_kill_leaves_all_or_nothing(
    tmp_path: Path, store_url: str, point: str, count: int, call: str
) -> None:
    """
    Killed at the point, the call that was cut off is stored whole or not at all.

    On both stores. Everything acknowledged is there (I4), the rows agree, and the same
    call again is answered as if nothing had been. At the end no file holds what was
    erased; what PostgreSQL's files hold until it vacuums is its own affair.
    """
    program = f"from tests.fault.armed_server import main; main({point!r}, {count})"
    options = ("--log-level=warning", "--no-timers")
    server = ServerProcess(tmp_path, *options, store_url=store_url, program=program)
    with server:
        story = Story(server)
        story.tell()
        assert story.cut_off == [call]
        story.repeat()
        assert _holds(tmp_path, ERASED) == set()
        server.kill()
    audit = StoreAudit.of(server.store_url)
    audit.check()
    assert len(audit.matches) == len(audit.rounds) * _COUNT == _COUNT
    assert audit.returns.keys() >= {f"r{number}" for number in range(_COUNT)}


@pytest.mark.e2e
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_while_the_journal_gets_a_checkpoint(
    tmp_path: Path, moment: str
) -> None:
    """The checkpoint is there or not, no call is touched, and the next one goes on."""
    program = (
        "from tests.fault.armed_server import main; "
        f"main('keep a checkpoint, {moment}', 1)"
    )
    server = ServerProcess(tmp_path, "--log-level=warning", program=program)
    with server:
        with Client(server.address) as client:
            client.policies.CreatePolicy(_create())
        assert server.wait() == -signal.SIGKILL
        StoreAudit.of(server.store_url).check()
        assert _checkpoint_count(tmp_path) == (1 if moment == "after" else 0)
        server.program = "from tests.fault.armed_server import main; main('', 1)"
        server.start()
        with Client(server.address) as client:
            client.policies.ActivatePolicy(activation(1))
        until = time.monotonic() + 60
        while _checkpoint_count(tmp_path) != 1:
            assert time.monotonic() < until, "no checkpoint is made"
            time.sleep(0.02)
    StoreAudit.of(server.store_url).check()


def _checkpoint_count(folder: Path) -> int:
    # Never a second writer, nor one that checkpoints (ADR 3).
    with closing(connect_read_only(folder / "nearturn.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM checkpoints").fetchone()
    return int(count)
