"""Calls go over in order, a few ahead; who leaves takes nobody's place along."""

from __future__ import annotations

import asyncio

from server.wire.turns import Turns


async def _settled() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_those_ahead_go_at_once_and_others_in_their_order():
    """Two ahead: the third and fourth wait, and go as the server begins some."""
    turns, gone = Turns(10, ahead_max=2), []

    async def call(number: int) -> None:
        await turns.take("a")
        gone.append(number)

    calls = [asyncio.create_task(call(number)) for number in range(4)]
    await _settled()
    assert gone == [0, 1]
    turns.begun(1)
    await _settled()
    assert gone == [0, 1, 2]
    turns.begun(3)
    await asyncio.gather(*calls)
    assert gone == [0, 1, 2, 3]


async def test_no_more_may_wait_than_the_limit():
    """Those that have gone over do not count."""
    turns = Turns(1, ahead_max=1)
    await turns.take("a")
    assert not turns.is_full()
    waiting = asyncio.create_task(turns.take("a"))
    await _settled()
    assert turns.is_full()
    turns.begun(1)
    await waiting
    assert not turns.is_full()


async def test_a_call_that_left_gives_its_place_to_the_next():
    """While it waits, and in the very moment in which its turn has come."""
    turns = Turns(10, ahead_max=1)
    await turns.take("a")
    first, second, third = (asyncio.create_task(turns.take("a")) for _ in range(3))
    await _settled()
    first.cancel()
    await _settled()
    turns.begun(1)
    # The second one's turn has come, and it has not heard of it yet.
    second.cancel()
    await asyncio.wait_for(third, 1)
    assert second.cancelled()
    assert not turns.is_full()


async def test_a_probe_goes_before_all_that_wait():
    """It is ahead like the others, so that they wait the longer for it."""
    turns = Turns(10, ahead_max=1)
    turns.go_before()
    waiting = asyncio.create_task(turns.take("a"))
    await _settled()
    assert not waiting.done()
    turns.begun(1)
    await asyncio.wait_for(waiting, 1)


async def test_connections_take_turns():
    """Five calls of one wait; the one of another goes after the next of them."""
    turns, gone = Turns(10, ahead_max=1, shared_ahead_max=1), []

    async def call(peer: str, number: int) -> None:
        await turns.take(peer)
        gone.append((peer, number))

    await turns.take("busy")
    calls = [asyncio.create_task(call("busy", number)) for number in range(5)]
    await _settled()
    calls += [asyncio.create_task(call("quiet", number)) for number in range(2)]
    await _settled()
    for _ in calls:
        turns.begun(1)
        await _settled()
    assert gone == [
        *(("busy", 0), ("quiet", 0), ("busy", 1), ("quiet", 1)),
        *(("busy", 2), ("busy", 3), ("busy", 4)),
    ]


async def test_fewer_go_ahead_while_connections_share():
    """Four of one connection, two of two; four again a second after the other left."""
    now_s = 100.0
    turns = Turns(10, ahead_max=4, shared_ahead_max=2, clock=lambda: now_s)
    for _ in range(3):
        await turns.take("a")
    other = asyncio.create_task(turns.take("b"))
    await _settled()
    assert not other.done()
    turns.begun(1)
    await _settled()
    assert not other.done()
    turns.begun(1)
    await asyncio.wait_for(other, 1)
    now_s += 1.1
    for _ in range(2):
        await asyncio.wait_for(turns.take("a"), 1)


async def test_who_left_while_it_waited_takes_no_turn():
    """The places of those that left are free for others, of any connection."""
    turns = Turns(2, ahead_max=1, shared_ahead_max=1)
    await turns.take("a")
    left = [asyncio.create_task(turns.take(peer)) for peer in ("a", "b")]
    await _settled()
    assert turns.is_full()
    for each in left:
        each.cancel()
    await _settled()
    assert not turns.is_full()
    stays = asyncio.create_task(turns.take("c"))
    await _settled()
    turns.begun(1)
    await asyncio.wait_for(stays, 1)


async def test_connections_are_forgotten_in_the_end():
    """A thousand and one of them take no more memory than a thousand."""
    turns = Turns(2, ahead_max=5_000)
    for number in range(3_000):
        await turns.take(f"peer-{number}")
        turns.begun(1)
    assert len(turns._called_s) <= 1_000
