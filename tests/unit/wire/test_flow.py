"""A stream has so much under way, and no more."""

from __future__ import annotations

import asyncio

from server.wire.flow import Inbox, Window, cost


async def test_a_window_lets_through_what_it_has_and_then_waits():
    """The message that overdraws it goes; the next one waits until some is back."""
    window = Window(100)
    await window.pay(b"x" * 200)
    waiting = asyncio.ensure_future(window.pay(b""))
    await asyncio.sleep(0)
    assert not waiting.done()
    # Not enough: 100 - cost(200 bytes) + 1 is still below nothing.
    window.give_back(1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    window.give_back(cost(b"x" * 200))
    await asyncio.wait_for(waiting, 1)


async def test_empty_messages_are_not_free():
    """However small they are, no more than a window's share of them is under way."""
    window = Window(10 * cost(b""))
    for _ in range(10):
        await asyncio.wait_for(window.pay(b""), 1)
    waiting = asyncio.ensure_future(window.pay(b""))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()


async def test_an_inbox_gives_messages_in_order_and_says_what_was_taken():
    """What nobody has asked for is not taken; after its end it has ended for good."""
    taken: list[int] = []
    inbox = Inbox(taken.append)
    for body in (b"a", b"", b"ccc"):
        inbox.put(body)
    assert taken == []
    assert await anext(inbox) == b"a"
    assert taken == [cost(b"a")]
    inbox.end()
    assert [body async for body in inbox] == [b"", b"ccc"]
    assert [body async for body in inbox] == []
    assert taken == [cost(b"a"), cost(b""), cost(b"ccc")]
