"""Token buckets and counts of running calls, by a clock that the test moves."""

from __future__ import annotations

import numpy as np
import pytest

from server.access.call_limiter import SUBJECT_COUNT_MAX, CallLimiter, CallLimits
from server.access.refusal import RateExceededError
from tests.contract.api_target import HandClock


def limiter(clock: HandClock, rate: int, burst: int, at_once: int = 0) -> CallLimiter:
    """Make a limiter of callers."""
    limits = CallLimits("caller", rate, burst, at_once)
    return CallLimiter(lambda _: limits, clock=clock)


def called(limits: CallLimiter, subject: str = "a") -> bool:
    """Make a call that ends at once; say whether it was let in."""
    try:
        limits.enter(subject).leave()
    except RateExceededError:
        return False
    return True


def test_a_burst_is_let_in_and_then_the_rate():
    """Three at once, then one each half second at two a second."""
    clock = HandClock()
    limits = limiter(clock, 2, 3)
    assert [called(limits) for _ in range(5)] == [True] * 3 + [False] * 2
    clock.now_us += 499_999
    assert not called(limits)
    clock.now_us += 1
    assert called(limits)
    assert not called(limits)


@pytest.mark.parametrize("rate", [1, 3, 7, 1_000_000])
def test_the_wait_that_is_named_is_exact(rate: int):
    """One microsecond before it the call is refused, at it let in."""
    clock = HandClock()
    limits = limiter(clock, rate, 1)
    assert called(limits)
    with pytest.raises(RateExceededError) as refused:
        limits.enter("a")
    clock.now_us += refused.value.retry_after_us - 1
    assert not called(limits)
    clock.now_us += 1
    assert called(limits)


def test_no_span_lets_in_more_than_burst_and_rate():
    """A thousand calls at drawn instants: in every span at most burst + rate * span."""
    seed = 20260301
    random = np.random.default_rng(seed)
    clock, rate, burst = HandClock(), 5, 4
    limits = limiter(clock, rate, burst)
    let_in: list[int] = []
    for step_us in random.integers(0, 200_000, 1_000):
        clock.now_us += int(step_us)
        if called(limits):
            let_in.append(clock.now_us)
    for first, start_us in enumerate(let_in):
        for last in range(first, len(let_in)):
            span_us = let_in[last] - start_us
            most = burst + rate * span_us / 1_000_000
            assert last - first + 1 <= most, f"seed {seed}"


def test_running_calls_are_counted_and_given_back():
    """Two at once; the third is refused until one of them ends."""
    limits = limiter(HandClock(), 0, 1, at_once=2)
    limits.enter("a")
    second = limits.enter("a")
    assert not called(limits)
    assert called(limits, "b"), "each for itself"
    second.leave()
    assert called(limits)


def test_memory_is_bounded_and_nobody_gains_by_it():
    """Those that have not called lately are forgotten, not one that is at its limit."""
    clock = HandClock()
    limits = limiter(clock, 1, 1, at_once=1)
    for number in range(SUBJECT_COUNT_MAX):
        assert called(limits, f"old-{number}")
    clock.now_us += 1_000_000
    limits.enter("busy")
    assert called(limits, "new")
    assert not called(limits, "busy")
    assert not called(limits, "new")
    assert len(limits._usages) <= 3
