"""When the next round is due."""

from __future__ import annotations

from matcher.domain.ids import ReturnId
from matcher.engine.round_clock import RoundClock
from tests.scenarios import MINUTE_US, NOW_US, SECOND_US, policy

R1, R2 = ReturnId("r1"), ReturnId("r2")
LEAD_US = 5 * SECOND_US
EVERY_MINUTE = policy(round_interval_us=MINUTE_US)


def _clock() -> RoundClock:
    return RoundClock(NOW_US, LEAD_US)


def test_after_the_interval() -> None:
    """A minute after the last round began, or after the start."""
    clock = _clock()
    assert clock.due_us(EVERY_MINUTE, 1) == NOW_US + MINUTE_US
    clock.began(NOW_US + 7)
    clock.changed()
    assert clock.due_us(EVERY_MINUTE, 1) == NOW_US + 7 + MINUTE_US


def test_from_an_instant_on_another_round_may_find_more() -> None:
    """Not before it, nor before the interval is over; a new round forgets it."""
    clock = _clock()
    clock.began(NOW_US)
    clock.again(NOW_US + 9 * MINUTE_US)
    assert clock.due_us(EVERY_MINUTE, 1) == NOW_US + 9 * MINUTE_US
    assert clock.due_us(EVERY_MINUTE, 0) is None
    assert clock.due_us(policy(), 1) is None
    clock.changed()
    assert clock.due_us(EVERY_MINUTE, 1) == NOW_US + MINUTE_US
    clock.began(NOW_US + 1)
    assert clock.due_us(EVERY_MINUTE, 1) is None


def test_an_empty_pool_needs_no_round() -> None:
    """Nobody waits: nothing is due, whatever changed."""
    assert _clock().due_us(EVERY_MINUTE, 0) is None


def test_nothing_new_needs_no_round() -> None:
    """Another round would find what the last one found; any change makes it due."""
    clock = _clock()
    clock.began(NOW_US)
    assert clock.due_us(EVERY_MINUTE, 3) is None
    clock.changed()
    assert clock.due_us(EVERY_MINUTE, 3) == NOW_US + MINUTE_US


def test_at_the_size_at_once() -> None:
    """The third item of three is due at an instant that has passed; two are not."""
    terms = policy(round_interval_us=MINUTE_US, round_size=3)
    clock = _clock()
    far_us = NOW_US + 90 * MINUTE_US
    clock.entered([(R1, far_us), (R2, far_us)])
    assert clock.due_us(terms, 2) == NOW_US + MINUTE_US
    clock.entered([(ReturnId("r3"), far_us)])
    assert clock.due_us(terms, 3) == NOW_US
    clock.began(NOW_US + 1)
    clock.changed()
    assert clock.due_us(terms, 3) == NOW_US + 1 + MINUTE_US


def test_before_a_deadline() -> None:
    """An item that leaves in 30 s pulls the round to 25 s; when it left, back."""
    clock = _clock()
    clock.entered([(R1, NOW_US + 30 * SECOND_US)])
    assert clock.due_us(EVERY_MINUTE, 1) == NOW_US + 25 * SECOND_US
    clock.left(R1)
    assert clock.due_us(EVERY_MINUTE, 1) == NOW_US + MINUTE_US


def test_a_deadline_pulls_once() -> None:
    """The round that was begun for it looked at it; the next one waits its time."""
    clock = _clock()
    clock.entered([(R1, NOW_US + 30 * SECOND_US)])
    clock.began(NOW_US + 25 * SECOND_US)
    clock.changed()
    assert clock.due_us(EVERY_MINUTE, 1) == NOW_US + 85 * SECOND_US


def test_without_interval_and_size_only_deadlines_count() -> None:
    """A policy may leave rounds to callers: nothing but a deadline makes one due."""
    clock = _clock()
    assert clock.due_us(policy(), 1) is None
    clock.entered([(R1, NOW_US + 30 * SECOND_US)])
    assert clock.due_us(policy(), 1) == NOW_US + 25 * SECOND_US
