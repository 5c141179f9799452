"""What is due when."""

from __future__ import annotations

import random

from matcher.engine.timetable import Timetable


def _table(**due_us: int) -> Timetable[str]:
    table: Timetable[str] = Timetable()
    for key, each_us in due_us.items():
        table.set(key, each_us)
    return table


def test_nothing_is_ever_due_in_an_empty_table() -> None:
    """No id, no instant: callers sleep until something happens."""
    assert _table().next_us() is None
    assert _table().take_due(2**63) == []


def test_due_at_the_very_instant() -> None:
    """At 9 nothing due at 10 is taken, at 10 it is, and once only."""
    table = _table(a=10)
    assert table.take_due(9) == []
    assert table.take_due(10) == ["a"]
    assert table.take_due(10) == []


def test_earliest_first_then_by_id() -> None:
    """Two at one instant come by id whatever the order they were set in (I5)."""
    table = _table(z=5, c=7, a=7, b=6)
    assert table.take_due(7) == ["z", "b", "a", "c"]


def test_a_new_time_replaces_the_old_one() -> None:
    """Moved from 5 to 9 and back to 7: due at 7 and at no other instant."""
    table = _table(a=5)
    table.set("a", 9)
    table.set("a", 7)
    assert len(table) == 1
    assert table.next_us() == 7
    assert table.take_due(6) == []
    assert table.take_due(100) == ["a"]


def test_a_time_that_is_set_again_counts_once() -> None:
    """5, 6, then 5 again leaves two entries for 5 inside, and one id outside."""
    table = _table(a=5)
    table.set("a", 6)
    table.set("a", 5)
    assert table.take_due(10) == ["a"]
    assert table.next_us() is None


def test_dropped_is_never_due() -> None:
    """What was dropped is gone; dropping it again, or a stranger, is no error."""
    table = _table(a=5, b=6)
    table.drop("a")
    table.drop("a")
    table.drop("stranger")
    assert table.next_us() == 6
    assert table.take_due(10) == ["b"]


def test_memory_follows_what_is_due() -> None:
    """10,000 moves of one id keep at most 67 entries: twice one and 64, and one."""
    table = _table(a=0)
    for due_us in range(10_000):
        table.set("a", due_us)
    assert len(table._heap) <= 67
    assert table.take_due(9_999) == ["a"]


def test_the_first_of_what_is_set_together_may_go() -> None:
    """Of b at 3, c at 4 and d at 9, beside a at 5, b is dropped and c moves to 7."""
    table = _table(a=5, e=20, f=20, g=20)
    table.add({"b": 3, "c": 4, "d": 9})
    assert table.next_us() == 3
    table.drop("b")
    assert table.next_us() == 4
    table.set("c", 7)
    assert table.next_us() == 5
    assert table.take_due(9) == ["a", "c", "d"]
    assert table.next_us() == 20


def test_agrees_with_a_sorted_dictionary() -> None:
    """2,000 random moves, seed 17, give what sorting a dictionary gives."""
    rng = random.Random(17)
    table, expected = _table(), dict[str, int]()
    for now_us in range(2_000):
        key, due_us = f"k{rng.randrange(40)}", now_us + rng.randrange(30)
        if rng.random() < 0.3 and expected:
            # One that may have been set together with others.
            key = rng.choice(sorted(expected))
        if rng.random() < 0.3:
            table.drop(key)
            expected.pop(key, None)
        else:
            table.set(key, due_us)
            expected[key] = due_us
        if rng.random() < 0.1:
            # Few beside what is there, or more than that: two ways inside.
            many = {
                f"m{now_us}-{n}": now_us + rng.randrange(30)
                for n in range(rng.choice((2, 60)))
            }
            table.add(many)
            expected.update(many)
        if rng.random() < 0.2:
            due = sorted((at, k) for k, at in expected.items() if at <= now_us)
            assert table.take_due(now_us) == [k for _, k in due]
            for _, each in due:
                del expected[each]
        assert table.next_us() == min(expected.values(), default=None)
        assert len(table) == len(expected)
