"""How often, and how many at once: token buckets and counts of running calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from server.access.refusal import RateExceededError
from server.runtime.clock import Clock, monotonic_clock

#: Subjects that are remembered at once; those that have not called lately go first.
SUBJECT_COUNT_MAX = 10_000

# What a call costs, so that a rate per second is a whole number per microsecond.
_CALL = 1_000_000

# Nobody can tell when one of the running calls will end.
_BUSY_RETRY_US = 1_000_000


@dataclass(frozen=True, slots=True)
class CallLimits:
    """
    Limits of one subject; 0 is none.

    ``burst`` is how many calls may come at once after a pause.
    """

    name: str
    calls_per_s: int
    burst: int
    calls_max: int


#: Gives the limits of a subject.
LimitsOf = Callable[[str], CallLimits]


@dataclass(slots=True)
class Usage:
    """What a subject has left, and how many of its calls run."""

    tokens: int
    at_us: int
    running: int = 0

    def leave(self) -> None:
        """Take note that a call has ended."""
        self.running -= 1


class CallLimiter:
    """
    Counts the calls of subjects, each for itself.

    Exact in integers: over any span a subject is let in at most ``burst`` times and
    ``calls_per_s`` for each second of it.

    Parameters
    ----------
    limits_of
        Gives those of a subject; asked at each call, for they may change.
    clock
        Monotonic.
    """

    def __init__(self, limits_of: LimitsOf, *, clock: Clock = monotonic_clock) -> None:
        self._limits_of = limits_of
        self._clock = clock
        self._usages: dict[str, Usage] = {}

    def enter(self, subject: str) -> Usage:
        """
        Let a call in, and count it until it leaves what is returned.

        Raises
        ------
        RateExceededError
            If there are too many.
        """
        limits = self._limits_of(subject)
        usage = self._usage(subject, limits)
        if limits.calls_max and usage.running >= limits.calls_max:
            raise RateExceededError(
                f"{limits.name} calls at once", limits.calls_max, _BUSY_RETRY_US
            )
        if limits.calls_per_s:
            self._pay(usage, limits)
        usage.running += 1
        return usage

    def _pay(self, usage: Usage, limits: CallLimits) -> None:
        rate = limits.calls_per_s
        now_us = self._clock()
        full = limits.burst * _CALL
        usage.tokens = min(full, usage.tokens + (now_us - usage.at_us) * rate)
        usage.at_us = now_us
        if usage.tokens < _CALL:
            wait_us = -((usage.tokens - _CALL) // rate)
            raise RateExceededError(f"{limits.name} calls per second", rate, wait_us)
        usage.tokens -= _CALL

    def _usage(self, subject: str, limits: CallLimits) -> Usage:
        found = self._usages.get(subject)
        if found is None:
            if len(self._usages) >= SUBJECT_COUNT_MAX:
                self._forget()
            found = Usage(limits.burst * _CALL, self._clock())
            self._usages[subject] = found
        return found

    def _forget(self) -> None:
        # Whoever could burst by now loses nothing by being forgotten.
        now_us = self._clock()
        self._usages = {
            subject: usage
            for subject, usage in self._usages.items()
            if usage.running or self._is_owing(subject, usage, now_us)
        }

    def _is_owing(self, subject: str, usage: Usage, now_us: int) -> bool:
        limits = self._limits_of(subject)
        earned = (now_us - usage.at_us) * limits.calls_per_s
        full = limits.burst * _CALL
        return bool(limits.calls_per_s) and usage.tokens + earned < full
