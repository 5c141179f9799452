"""The sink on a real broker: what it sends, what it waits for, what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nats.js.api import RetentionPolicy, StorageType

from matcher.domain.ids import ReturnId, TenantId
from server.events.event import Event
from server.events.event_sink import SinkError
from server.events.nats_sink import NatsParams, NatsSink
from server.events.nats_stream import SUBJECTS
from tests.scenarios.event_reader import (
    STREAM,
    make_stream,
    message_count,
    read_stream,
    stream_of,
)
from tests.scenarios.nats_broker import NatsBroker

pytestmark = pytest.mark.e2e


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsBroker]:
    """Run a broker of its own."""
    with NatsBroker(tmp_path / "broker") as started:
        yield started


@pytest.fixture
async def sink(broker: NatsBroker) -> AsyncIterator[NatsSink]:
    """Give a sink on it."""
    made = _sink(broker.url)
    yield made
    await made.close()


def _sink(url: str) -> NatsSink:
    return NatsSink(NatsParams((url,), None, STREAM))


def _events(count: int, tenant: str = "brand", returns: int = 1_000) -> list[Event]:
    return [
        Event(
            TenantId(tenant),
            number,
            ReturnId(f"r{number % returns}"),
            f"e:{number}",
            f'{{"id":"e:{number}","sequence":{number}}}'.encode(),
        )
        for number in range(1, count + 1)
    ]


async def test_events_are_on_disk_in_order_once_publishing_returns(
    broker: NatsBroker, sink: NatsSink
) -> None:
    """Seven returns take turns: killed right after the answer, the broker has all."""
    sent = _events(300, returns=7)
    await sink.publish(sent)
    broker.kill()
    broker.start()
    received = await read_stream(broker.url)
    assert len(received) == 300
    for number in range(7):
        of_return = [e.body for e in sent if e.return_id == f"r{number}"]
        assert [m.body for m in received if m.body in of_return] == of_return
    assert received[0].subject == "nearturn.brand.decisions"
    assert received[0].headers["Content-Type"] == "application/cloudevents+json"
    assert {m.headers["Nats-Msg-Id"] for m in received} == {e.event_id for e in sent}


async def test_the_stream_that_it_makes_drops_repetitions(
    broker: NatsBroker, sink: NatsSink
) -> None:
    """The same ids again within two minutes are answered for and not kept twice."""
    for _ in range(2):
        await sink.publish(_events(10))
    assert await message_count(broker.url) == 10
    async with stream_of(broker.url) as context:
        config = (await context.stream_info(STREAM)).config
    assert config.subjects == [SUBJECTS]
    assert config.storage == StorageType.FILE
    assert config.duplicate_window == 120


@pytest.mark.parametrize("tenant", ["a.b", "*", ">", "a b", "$SYS", "\U0001f600" * 128])
async def test_any_tenant_has_a_subject_of_its_own(
    broker: NatsBroker, sink: NatsSink, tenant: str
) -> None:
    """Wildcards, spaces, or 128 characters of four bytes: the broker takes them."""
    await sink.publish(_events(1, tenant) + _events(2, "other")[1:])
    received = await read_stream(broker.url)
    assert len({each.subject for each in received}) == 2
    assert all(each.subject.count(".") == 2 for each in received)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"no_ack": True}, "no_ack"),
        ({"storage": StorageType.MEMORY}, "storage"),
        ({"retention": RetentionPolicy.INTEREST}, "retention"),
        ({"subjects": ["nearturn.other.decisions"]}, "subjects"),
    ],
)
async def test_a_stream_that_would_lose_events_is_refused(
    broker: NatsBroker, sink: NatsSink, change: dict[str, Any], says: str
) -> None:
    """Nothing is sent into it; once it is mended, the next try goes through."""
    await make_stream(broker.url, **change)
    with pytest.raises(SinkError, match=f"stream {STREAM} cannot be used.*{says}"):
        await sink.publish(_events(3))
    async with stream_of(broker.url) as context:
        assert (await context.stream_info(STREAM)).state.messages == 0
        await context.delete_stream(STREAM)
    await make_stream(broker.url)
    await sink.publish(_events(3))
    assert await message_count(broker.url) == 3


async def test_a_full_stream_refuses_and_loses_nothing(
    broker: NatsBroker, sink: NatsSink
) -> None:
    """A limit that somebody set: an error, and room again once it is lifted."""
    await make_stream(broker.url, max_msgs=5, discard="new")
    with pytest.raises(SinkError, match="maximum messages"):
        await sink.publish(_events(8))
    assert await message_count(broker.url) == 5


async def test_a_broker_that_goes_and_comes_is_found_again(
    broker: NatsBroker, sink: NatsSink
) -> None:
    """An error while it is away, no restart of ours once it is back."""
    await sink.publish(_events(3))
    broker.kill()
    for _ in range(2):
        with pytest.raises(SinkError):
            await sink.publish(_events(5))
    broker.start()
    await sink.publish(_events(5))
    assert await message_count(broker.url) == 5


async def test_a_broker_that_stands_still_is_given_up(
    broker: NatsBroker, sink: NatsSink
) -> None:
    """
    It stops reading in the middle of 50 MB: an error, not a hang.

    Once it goes on, it may take what it was sent before: that is dropped as repeated.
    """
    await sink.publish(_events(1))
    broker.freeze()
    heavy = [replace(each, body=b"x" * 500_000) for each in _events(100)]
    async with asyncio.timeout(60):
        with pytest.raises(SinkError):
            await sink.publish(heavy)
    broker.thaw()
    await sink.publish(heavy)
    assert await message_count(broker.url) == 100


async def test_passwords_are_taken_from_the_address(tmp_path: Path) -> None:
    """A broker that asks for one refuses a wrong one, and takes the right one."""
    with NatsBroker(tmp_path / "broker", "--user", "us", "--pass", "secret") as broker:
        for password, is_right in (("wrong", False), ("secret", True)):
            sink = _sink(broker.url.replace("//", f"//us:{password}@"))
            if is_right:
                await sink.publish(_events(1))
            else:
                with pytest.raises(SinkError) as refused:
                    await sink.publish(_events(1))
                assert password not in str(refused.value)
            await sink.close()


async def test_a_broker_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    """Something listens and says nothing: an error after some seconds, no hang."""
    held: list[asyncio.StreamWriter] = []

    def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SinkError):
            await _sink(f"nats://127.0.0.1:{port}").publish(_events(1))
        for writer in held:
            writer.close()
