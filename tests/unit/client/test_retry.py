"""When a client waits for a server that is full, and when it gives up."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from nearturn import row_import
from nearturn.retry import Patience, RetryRules, asked_pause_s, may_repeat
from nearturn.retry_interceptor import RetryInterceptor
from nearturn.v1 import demand_pb2
from nearturn.v1 import demand_service_pb2 as pb
from server.access.role import Role
from server.api.access_rules import role_of
from server.api.registration import services

READ = pb.GetDemandRequest(demand_id="d1")
WRITE = pb.UpsertDemandRequest(demand=demand_pb2.Demand(demand_id="d1"))
KNOWN = pb.UpsertDemandRequest(request_id="8d1f3a52-6f0e-4c57-9a53-0d6d4f7b2c11")


class Refused(grpc.RpcError):
    """What a server answers, as a call knows it."""

    def __init__(self, code: int, *details: Message) -> None:
        super().__init__()
        status = status_pb2.Status(code=code, message="full")
        for each in details:
            status.details.add().Pack(each)
        self._status = rpc_status.to_status(status)

    def code(self) -> grpc.StatusCode:
        """Return the code."""
        return self._status.code

    def details(self) -> str:
        """Return the message."""
        return self._status.details

    def trailing_metadata(self) -> Any:
        """Return what the details travel in."""
        return self._status.trailing_metadata

    def done(self) -> bool:
        """Say that it has ended."""
        return True

    def exception(self) -> Refused:
        """Return itself, which is an error."""
        return self


def full(seconds: float) -> Refused:
    """Return the refusal of a server that asks to be called again later."""
    delay = Duration()
    delay.FromNanoseconds(round(seconds * 1e9))
    quota = error_details_pb2.QuotaFailure()
    retry = error_details_pb2.RetryInfo(retry_delay=delay)
    return Refused(code_pb2.RESOURCE_EXHAUSTED, quota, retry)


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return where it stands."""
        return self.now_s


def rules(jitter: float = 0.0, **more: Any) -> RetryRules:
    """Return rules whose chance is known."""
    return RetryRules(jitter=lambda: jitter, **more)


def test_the_wait_is_what_the_server_says():
    """To the nanosecond; and none where no wait helps, or another code asks for it."""
    assert asked_pause_s(full(1.25)) == 1.25
    assert asked_pause_s(full(0.0)) == 0.0
    assert asked_pause_s(full(-3.0)) == 0.0
    quota = error_details_pb2.QuotaFailure()
    assert asked_pause_s(Refused(code_pb2.RESOURCE_EXHAUSTED, quota)) is None
    retry = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1))
    for code in (code_pb2.UNAVAILABLE, code_pb2.ABORTED, code_pb2.INVALID_ARGUMENT):
        assert asked_pause_s(Refused(code, retry)) is None


def test_chance_adds_a_quarter_at_most_and_takes_nothing_off():
    """Also to a wait of nothing, so that all do not come back at once."""
    assert rules(0.0).pause_s(full(2.0)) == 2.0
    assert rules(0.5).pause_s(full(2.0)) == 2.25
    assert rules(1.0).pause_s(full(2.0)) == 2.5
    assert rules(1.0).pause_s(full(0.0)) == 0.025


def test_who_asks_for_too_much_is_not_waited_for():
    """Exactly the most is; a nanosecond more is not."""
    patient = rules(pause_s_max=3.0)
    assert patient.pause_s(full(3.0)) == 3.0
    assert patient.pause_s(full(3.000_000_001)) is None


def test_what_was_refused_unread_comes_back_over_a_second():
    """CANCELLED says not when: a quarter of a second, and up to a whole one more."""
    unread = Refused(code_pb2.CANCELLED)
    assert [rules(each).pause_s(unread) for each in (0.0, 0.5, 1.0)] == [
        0.25,
        0.75,
        1.25,
    ]
    assert rules(pause_s_max=0.25).pause_s(unread) == 0.25
    assert rules(pause_s_max=0.2).pause_s(unread) is None
    assert Patience(rules(), WRITE, None).pause_s(unread) is None
    assert Patience(rules(), KNOWN, None).pause_s(unread) == 0.25


@pytest.mark.parametrize(
    ("name", "value"),
    [("attempts_max", 0), ("pause_s_max", -1.0), ("pause_s_max", float("nan"))],
)
def test_rules_out_of_range_are_refused(name: str, value: float):
    """The error names the field and what is accepted."""
    with pytest.raises(ValueError, match=f"{name}: got .*; accepted: "):
        RetryRules(**{name: value})


def test_a_call_is_tried_so_often_and_no_more():
    """Three tries have two waits between them."""
    patience = Patience(rules(attempts_max=3), READ, None)
    assert [patience.pause_s(full(1.0)) for _ in range(3)] == [1.0, 1.0, None]
    assert Patience(rules(attempts_max=1), READ, None).pause_s(full(1.0)) is None


def test_nobody_waits_past_the_deadline_of_a_call():
    """
    A wait that would reach it is not begun, and tries get what is left.

    Of ten seconds three pass and four are waited: the next wait of three would end
    with the call.
    """
    clock = Clock()
    patience = Patience(rules(), READ, 10.0, clock)
    clock.now_s += 3.0
    assert patience.pause_s(full(4.0)) == 4.0
    clock.now_s += 4.0
    assert patience.time_left_s() == pytest.approx(3.0)
    assert patience.pause_s(full(3.0)) is None
    assert Patience(rules(), READ, None, clock).time_left_s() is None


def test_a_write_that_nobody_would_know_again_is_not_repeated():
    """Reads are, and writes with a request id; bytes may be anything."""
    assert may_repeat(READ)
    assert may_repeat(KNOWN)
    assert not may_repeat(WRITE)
    assert not may_repeat(WRITE.SerializeToString())
    assert Patience(rules(), WRITE, None).pause_s(full(1.0)) is None


def test_whatever_has_no_request_id_only_reads():
    """What the rule above rests on, over every unary method of the contract."""
    unknown = {
        method.name: role_of(method)
        for service in services()
        for method in service.methods
        if not method.client_streaming
        and "request_id" not in method.input_type.fields_by_name
    }
    assert len(unknown) > 20
    assert {name for name, role in unknown.items() if role is not Role.READ} <= {
        "GetDemandImport",
        "GetReturnImport",
        "ListAuditEntries",
    }


class Details:
    """What an interceptor is told of a call."""

    def __init__(self, timeout: float | None) -> None:
        self.timeout = timeout

    def _replace(self, timeout: float | None) -> Details:
        return Details(timeout)


class Answered:
    """A call that ended well."""

    def done(self) -> bool:
        """Say that it has ended."""
        return True

    def exception(self) -> None:
        """Return none."""


def test_the_second_try_has_less_time_than_the_first():
    """The same request goes out after the wait, with what the deadline leaves."""
    waited: list[float] = []
    seen: list[tuple[object, float]] = []
    answers = [full(0.5), full(0.25), Answered()]

    def continuation(details: Details, request: object) -> Any:
        assert details.timeout is not None
        seen.append((request, details.timeout))
        return answers[len(seen) - 1]

    interceptor = RetryInterceptor(rules(), waited.append)
    outcome = interceptor.intercept_unary_unary(continuation, Details(60.0), KNOWN)
    assert outcome is answers[-1]
    assert waited == [0.5, 0.25]
    assert [request for request, _ in seen] == [KNOWN] * 3
    first, second, third = (timeout for _, timeout in seen)
    assert first == 60.0
    assert first > second > third > 0


def test_a_stream_that_broke_is_opened_again_by_the_same_rules():
    """UNAVAILABLE as ever, a full server when it says; other errors end an import."""
    away = Refused(code_pb2.UNAVAILABLE)
    assert row_import.pause_s(away, 1, rules()) == 0.2
    assert row_import.pause_s(away, 4, rules(attempts_max=1)) == 1.6
    assert row_import.pause_s(away, 5, rules()) is None
    assert row_import.pause_s(full(2.0), 4, rules()) == 2.0
    assert row_import.pause_s(full(2.0), 5, rules()) is None
    assert row_import.pause_s(full(2.0), 1, rules(attempts_max=1)) is None
    assert row_import.pause_s(Refused(code_pb2.INVALID_ARGUMENT), 1, rules()) is None


def test_a_stream_whose_status_was_lost_is_opened_again():
    """GRPC has a status of its own for one that ended while the client wrote to it."""
    lost, ours = Refused(code_pb2.INTERNAL), Refused(code_pb2.INTERNAL)
    lost._status = lost._status._replace(details="Internal error from Core")
    assert row_import.pause_s(lost, 1, rules()) == 0.2
    assert row_import.pause_s(lost, 5, rules()) is None
    assert row_import.pause_s(ours, 1, rules()) is None
