"""All that a stream has, as a consumer gets it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from server.events.nats_stream import SUBJECTS

STREAM = "NEARTURN"

# The shortest that a broker takes: repetitions reach the consumers, as they may.
_NO_WINDOW_S = 0.1


@dataclass(frozen=True)
class Received:
    """One message of the stream."""

    subject: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The event, parsed."""
        return dict(json.loads(self.body))


@asynccontextmanager
async def stream_of(url: str) -> AsyncIterator[JetStreamContext]:
    """Connect to a broker."""
    client = await nats.connect(url)
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def make_stream(url: str, **changes: Any) -> None:
    """Make the stream before the server does, without a window of repetitions."""
    config = StreamConfig(
        name=STREAM, subjects=[SUBJECTS], duplicate_window=_NO_WINDOW_S
    )
    async with stream_of(url) as context:
        await context.add_stream(config.evolve(**changes))


async def message_count(url: str) -> int:
    """Return how many messages the stream has; 0 if it is not there."""
    async with stream_of(url) as context:
        try:
            return (await context.stream_info(STREAM)).state.messages
        except NotFoundError:
            return 0


async def read_stream(url: str) -> list[Received]:
    """Return every message of the stream, in its order."""
    found: list[Msg] = []
    async with stream_of(url) as context:
        count = (await context.stream_info(STREAM)).state.messages
        consumer = await context.pull_subscribe(SUBJECTS, stream=STREAM)
        while len(found) < count:
            for message in await consumer.fetch(min(500, count - len(found))):
                await message.ack()
                found.append(message)
    return [Received(m.subject, dict(m.headers or {}), m.data) for m in found]


def firsts(received: Sequence[Received]) -> dict[str, Received]:
    """Return the first message of each event id, in order; repetitions are equal."""
    found: dict[str, Received] = {}
    for each in received:
        first = found.setdefault(each.event["id"], each)
        assert each == first, "the same id and another event"
    return found
