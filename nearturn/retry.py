"""When a call that the server had no room for is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

# Least span over which callers spread, in seconds: a server may say "at once".
_SPREAD_S_MIN = 0.1

# Share of the wait that is added at most, so that callers who were refused together
# do not come back together. Never taken off: earlier is in vain.
_SPREAD = 0.25

# What was refused unread, by gRPC itself, says nothing about when: many were, at once,
# so they come back over a whole second.
_UNREAD_PAUSE_S = 0.25
_UNREAD_SPREAD_S = 1.0


@dataclass(frozen=True, slots=True)
class RetryRules:
    """
    How often, and for how long, a client waits for a server that is full.

    Parameters
    ----------
    attempts_max
        Tries of a call in all, 1 or more; 1 never waits.
    pause_s_max
        Longest time that a server may ask for; what asks for more is given up at
        once. Below a quarter of a second calls that were refused unread are, too.
    jitter
        Gives numbers from 0 up to 1, by which waits are spread.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    attempts_max: int = 5
    pause_s_max: float = 30.0
    jitter: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if self.attempts_max < 1:
            raise ValueError(f"attempts_max: got {self.attempts_max}; accepted: 1 up")
        if not self.pause_s_max >= 0:
            raise ValueError(f"pause_s_max: got {self.pause_s_max}; accepted: 0 up")

    def pause_s(self, error: grpc.RpcError) -> float | None:
        """Return how long to wait after an error, ``None`` if that is no use."""
        if is_unread(error) and self.pause_s_max >= _UNREAD_PAUSE_S:
            return _UNREAD_PAUSE_S + self.jitter() * _UNREAD_SPREAD_S
        asked_s = asked_pause_s(error)
        if asked_s is None or asked_s > self.pause_s_max:
            return None
        return asked_s + self.jitter() * _SPREAD * max(asked_s, _SPREAD_S_MIN)


class Patience:
    """
    What one call may still be waited for.

    Parameters
    ----------
    rules
        Of the client.
    request
        What is asked.
    timeout_s
        Of the call, all its tries and waits together; ``None`` has no end.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self,
        rules: RetryRules,
        request: object,
        timeout_s: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._end_s = None if timeout_s is None else clock() + timeout_s
        self._left = rules.attempts_max if may_repeat(request) else 1

    def pause_s(self, error: grpc.RpcError) -> float | None:
        """
        Count a try that failed, and return how long to wait for the next.

        ``None`` if there is none: because of the error, because there were enough, or
        because the deadline would come first.
        """
        self._left -= 1
        pause_s = self._rules.pause_s(error) if self._left > 0 else None
        time_left_s = self.time_left_s()
        if pause_s is None or (time_left_s is not None and pause_s >= time_left_s):
            return None
        return pause_s

    def time_left_s(self) -> float | None:
        """Return how long the next try may take."""
        return None if self._end_s is None else self._end_s - self._clock()


def asked_pause_s(error: grpc.RpcError) -> float | None:
    """
    Return after how many seconds a server that was full asks to be called again.

    ``None`` for any other error, and for a limit that no wait helps.
    """
    call = cast(grpc.Call, error)
    if call.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
        return None
    try:
        status = rpc_status.from_call(call)
    except ValueError:
        # Something between here and the server put another code in its place.
        return None
    for packed in status.details if status is not None else ():
        retry = error_details_pb2.RetryInfo()
        if packed.Is(retry.DESCRIPTOR):
            packed.Unpack(retry)
            nanoseconds: int = retry.retry_delay.ToNanoseconds()
            return max(0, nanoseconds) / 1e9
    return None


def is_unread(error: grpc.RpcError) -> bool:
    """
    Say whether a server ended a call before it looked at it.

    Too many waited to be taken up, or it was about to stop. A caller that cancels its
    own call is told otherwise: by an error of asyncio's or of futures.
    """
    return cast(grpc.Call, error).code() is grpc.StatusCode.CANCELLED


def may_repeat(request: Any) -> bool:
    """
    Say whether a request may come twice.

    What only reads may, and a write whose request id makes it known. A write without
    one was refused, too; but an earlier try of it, whose answer was lost on the way,
    may not have been. Of bytes, from callers with stubs of their own, nobody can tell.
    """
    if not isinstance(request, Message):
        return False
    fields = request.DESCRIPTOR.fields_by_name
    return "request_id" not in fields or bool(cast(Any, request).request_id)
