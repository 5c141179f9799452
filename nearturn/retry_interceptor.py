"""Waits for a server that is full, as it asks to, in both clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from nearturn.retry import Patience, RetryRules


class RetryInterceptor(grpc.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    """
    Tries a call again when RESOURCE_EXHAUSTED says when, or that was refused unread.

    Calls that are made as futures go through as they are: nobody waits for them here.

    Parameters
    ----------
    rules
        How often and how long.
    sleep
        Waits so many seconds.
    """

    def __init__(
        self, rules: RetryRules, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._rules = rules
        self._sleep = sleep

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """Make the call."""
        patience = Patience(self._rules, request, client_call_details.timeout)
        details = client_call_details
        while True:
            outcome = continuation(details, request)
            if not outcome.done() or outcome.exception() is None:
                return outcome
            pause_s = patience.pause_s(outcome)
            if pause_s is None:
                return outcome
            self._sleep(pause_s)
            details = details._replace(timeout=patience.time_left_s())


class AsyncRetryInterceptor(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    """The same in an event loop."""

    def __init__(self, rules: RetryRules) -> None:
        self._rules = rules

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """Make the call."""
        patience = Patience(self._rules, request, client_call_details.timeout)
        details = client_call_details
        while True:
            call = await continuation(details, request)
            try:
                # Whoever gives up meanwhile cancels the call with it.
                await call
            except grpc.aio.AioRpcError as error:
                pause_s = patience.pause_s(error)
                if pause_s is None:
                    return call
            else:
                return call
            await asyncio.sleep(pause_s)
            details = details._replace(timeout=patience.time_left_s())


def interceptors(rules: RetryRules) -> list[RetryInterceptor]:
    """Return what a channel needs to keep the rules: nothing, if it never waits."""
    return [RetryInterceptor(rules)] if rules.attempts_max > 1 else []


def async_interceptors(rules: RetryRules) -> Any:
    """Return the same for a channel of an event loop, of a type that gRPC's lack."""
    return [AsyncRetryInterceptor(rules)] if rules.attempts_max > 1 else []
