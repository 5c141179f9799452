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
        await turns.take()
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
    await turns.take()
    assert not turns.is_full()
    waiting = asyncio.create_task(turns.take())
    await _settled()
    assert turns.is_full()
    turns.begun(1)
    await waiting
    assert not turns.is_full()


async def test_a_call_that_left_gives_its_place_to_the_next():
    """While it waits, and in the very moment in which its turn has come."""
    turns = Turns(10, ahead_max=1)
    await turns.take()
    first, second, third = (asyncio.create_task(turns.take()) for _ in range(3))
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
    waiting = asyncio.create_task(turns.take())
    await _settled()
    assert not waiting.done()
    turns.begun(1)
    await asyncio.wait_for(waiting, 1)
