"""Frames arrive whole and in order, however the socket cuts them."""

from __future__ import annotations

import asyncio
import socket

import pytest

from server.wire.frames import Begun, Call, End, Frame, FromWire, Message, Taken, ToWire
from server.wire.pipe import Pipe

FRAMES: tuple[Message | Call | End | Taken, ...] = (
    Message(1, b""),
    Call(
        2,
        "/a.B/C",
        (("user-agent", "text"), ("key-bin", b"\x00\xff")),
        {"x509_common_name": (b"a", b"b")},
        123_456_789,
        b"\x00" * 300,
    ),
    Call(3, "/a.B/D", (), {}, None, None),
    End(3),
    Taken(2, 5),
    Message(2, bytes(range(256)) * 4_096),
)


class Taker:
    """Keeps what comes, and whether the other end has gone."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.lost = asyncio.Event()


async def _connected(taker: Taker, ours: socket.socket) -> Pipe[FromWire]:
    pipe: Pipe[FromWire] = Pipe(FromWire, taker.frames.append, taker.lost.set)
    await asyncio.get_running_loop().create_connection(lambda: pipe, sock=ours)
    return pipe


async def test_frames_arrive_as_they_were_sent():
    """Bytes stay bytes and text stays text, through sockets of one process."""
    one, other = socket.socketpair()
    taker = Taker()
    await _connected(taker, one)
    sender = await _connected(Taker(), other)
    for frame in FRAMES:
        sender.send(frame)
    sender.close()
    await asyncio.wait_for(taker.lost.wait(), 10)
    assert taker.frames == list(FRAMES)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1_000])
async def test_frames_that_come_in_pieces_are_put_together(size: int):
    """A piece may end anywhere, inside of a length as well."""
    sent = bytearray()

    class Gathering(asyncio.Transport):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            sent.extend(data)

    sender: Pipe[FromWire] = Pipe(FromWire, print, print)
    sender.connection_made(Gathering())
    for frame in FRAMES[:-1]:
        sender.send(frame)
    await asyncio.sleep(0)
    taker = Taker()
    pipe: Pipe[FromWire] = Pipe(FromWire, taker.frames.append, taker.lost.set)
    for begin in range(0, len(sent), size):
        pipe.data_received(bytes(sent[begin : begin + size]))
    assert taker.frames == list(FRAMES[:-1])


async def test_all_of_a_turn_goes_in_one_write():
    """A hundred answers of one turn of the loop are one call of the system."""
    writes: list[bytes] = []

    class Counting(asyncio.Transport):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            writes.append(bytes(data))

    pipe: Pipe[ToWire] = Pipe(ToWire, print, print)
    pipe.connection_made(Counting())
    for _ in range(100):
        pipe.send(Begun(1))
    await asyncio.sleep(0)
    assert len(writes) == 1


async def test_what_is_sent_to_nobody_is_left():
    """After the other end has gone, sending is no error: the call is cancelled."""
    one, other = socket.socketpair()
    taker = Taker()
    pipe = await _connected(taker, one)
    other.close()
    await asyncio.wait_for(taker.lost.wait(), 10)
    pipe.send(End(1))
    await asyncio.sleep(0)
    pipe.close()


async def test_a_frame_that_cannot_be_said_leaves_the_others_whole():
    """Its caller gets the error; what is before and behind it arrives."""
    one, other = socket.socketpair()
    taker = Taker()
    await _connected(taker, one)
    sender = await _connected(Taker(), other)
    sender.send(End(1))
    with pytest.raises(UnicodeEncodeError):
        sender.send(Call(2, "/a.B/\ud800", (), {}, None, b"x"))
    with pytest.raises(TypeError):
        sender.send(Call(3, "/a.B/C", (("key", object()),), {}, None, b"x"))
    sender.send(End(4))
    sender.close()
    await asyncio.wait_for(taker.lost.wait(), 10)
    assert taker.frames == [End(1), End(4)]
