"""What the wire process does with calls that cannot go over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.wire.frames import Call, Frame
from server.wire.front import Front
from server.wire.turns import AHEAD_MAX, Turns


class Told:
    """A call of gRPC, as far as it is asked about."""

    def invocation_metadata(self) -> tuple[()]:
        """Return what came beside it: nothing."""
        return ()

    def time_remaining(self) -> float | None:
        """Return for how long its caller waits: always."""
        return None

    def peer(self) -> str:
        """Name its connection."""
        return "ipv4:127.0.0.1:1"


async def test_a_call_that_cannot_be_said_keeps_nobodys_place():
    """More of them than may be ahead, and the next call still goes over at once."""
    gone: list[Frame] = []
    is_broken = True

    def send(frame: Frame) -> None:
        if is_broken:
            raise TypeError("not to be encoded")
        gone.append(frame)

    front, told = Front(send), Told()
    front._turns = Turns(1)
    context: Any = told
    for _ in range(2 * AHEAD_MAX):
        with pytest.raises(TypeError):
            await front._begin("/a.B/C", b"", context, has_stream=False)
    is_broken = False
    async with asyncio.timeout(1):
        await front._begin("/a.B/C", b"", context, has_stream=False)
    assert [type(each) for each in gone] == [Call]
    assert list(front._under) == [2 * AHEAD_MAX + 1]
