"""The way from a tenant's log to a sink, over a real runtime and store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from matcher.domain.errors import NotOwnerError
from matcher.domain.ids import TenantId
from matcher.engine.commands import SubmitReturns
from server.api.decision_event import decision_event
from server.events.event import Event
from server.events.event_sink import SinkError
from server.events.outbox import Outbox
from server.events.relay import Lag, Relay, RelayParams
from server.runtime.call import Call
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.opening import open_store
from server.storage.store import LoggedDecision, Store
from tests.scenarios.entities import NOW_US, TENANT, return_item

PARAMS = RelayParams(batch_max=3, retry_first_s=0.001, retry_max_s=0.004)
_PATIENCE_S = 20.0


class ListSink:
    """Keeps what it was given in a list; fails, or waits, when told to."""

    name = "list"

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []
        self.tries: list[int] = []
        self.failures_left = 0
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.is_closed = False

    async def publish(self, events: Sequence[Event]) -> None:
        """Take the events, unless a failure is due."""
        self.tries.append(events[0].sequence)
        await self.is_open.wait()
        if self.failures_left:
            self.failures_left -= 1
            raise SinkError("told to fail")
        self.batches.append(list(events))

    async def close(self) -> None:
        """Note it."""
        self.is_closed = True

    @property
    def sequences(self) -> list[int]:
        """The numbers of all that it has."""
        return [event.sequence for batch in self.batches for event in batch]


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    """Run a runtime without timers on a fresh store, at noon for ever."""
    running = _runtime(tmp_path)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def sink() -> ListSink:
    """Return a sink that takes everything."""
    return ListSink()


def _runtime(
    folder: Path, now_us: int = NOW_US, tenants: tuple[TenantId, ...] = (TENANT,)
) -> Runtime:
    options = RuntimeOptions(tenants=tenants, threads=1, runs_timers=False)
    store = open_store(f"sqlite:///{folder / 'test.db'}")
    return Runtime(store, clock=lambda: now_us, options=options)


def _outbox(runtime: Runtime, sink: ListSink) -> Outbox:
    return Outbox(runtime, sink, decision_event, PARAMS)


def _relay(runtime: Runtime, sink: ListSink) -> Relay:
    return Relay(runtime, TENANT, sink, decision_event, PARAMS)


async def _decide(
    runtime: Runtime, first: int, last: int, tenant: TenantId = TENANT
) -> None:
    # Without a policy each goes to a warehouse at once: one decision each.
    for number in range(first, last + 1):
        command = SubmitReturns((return_item(f"r{number}"),), ("",))
        await runtime.execute(Call(tenant, command, lambda _: b"", "", ""))


async def _until(is_so: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if is_so():
            return
        await asyncio.sleep(0.002)
    pytest.fail("it never came to that")


async def _kept(runtime: Runtime, tenant: TenantId = TENANT) -> int:
    return await runtime.read(lambda store: store.relayed(tenant, ListSink.name))


async def test_the_log_goes_out_in_its_order_and_goes_on(
    runtime: Runtime, sink: ListSink
) -> None:
    """What was there, in batches of three, then what is decided later: each once."""
    await _decide(runtime, 1, 7)
    outbox = _outbox(runtime, sink)
    await outbox.follow(runtime.tenants())
    await _until(lambda: len(sink.sequences) == 7)
    assert [len(batch) for batch in sink.batches] == [3, 3, 1]
    await _decide(runtime, 8, 10)
    await _until(lambda: len(sink.sequences) == 10)
    await outbox.stop()
    assert sink.sequences == list(range(1, 11))
    assert await _kept(runtime) == 10
    assert sink.is_closed


async def test_each_tenant_has_a_log_and_a_place_of_its_own(
    tmp_path: Path, sink: ListSink
) -> None:
    """Five decisions of one and two of the other, numbered and kept apart."""
    other = TenantId("other")
    runtime = _runtime(tmp_path, tenants=(TENANT, other))
    await runtime.start()
    outbox = _outbox(runtime, sink)
    await outbox.follow(runtime.tenants())
    await _decide(runtime, 1, 5)
    await _decide(runtime, 1, 2, other)
    await outbox.stop()
    events = [event for batch in sink.batches for event in batch]
    places = {
        tenant: [event.sequence for event in events if event.tenant == tenant]
        for tenant in (TENANT, other)
    }
    assert places == {TENANT: [1, 2, 3, 4, 5], other: [1, 2]}
    assert len({event.event_id for event in events}) == 7
    assert (await _kept(runtime), await _kept(runtime, other)) == (5, 2)
    await runtime.stop()


async def test_another_start_goes_on_where_the_last_one_ended(
    tmp_path: Path, sink: ListSink
) -> None:
    """Over a restart of runtime and store, nothing is lost and nothing comes twice."""
    for first in (1, 5):
        runtime = _runtime(tmp_path)
        await runtime.start()
        outbox = _outbox(runtime, sink)
        await outbox.follow(runtime.tenants())
        await _decide(runtime, first, first + 3)
        await outbox.stop()
        await runtime.stop()
    assert sink.sequences == list(range(1, 9))


async def test_a_sink_that_fails_is_tried_again_from_the_same_event(
    runtime: Runtime, sink: ListSink
) -> None:
    """Five failures: six tries of the first batch, pauses that double up to the cap."""
    await _decide(runtime, 1, 4)
    sink.failures_left = 5
    outbox = _outbox(runtime, sink)
    with capture_logs() as logs:
        await outbox.follow(runtime.tenants())
        await _until(lambda: len(sink.sequences) == 4)
        await outbox.stop()
    assert sink.tries == [1] * 6 + [4]
    assert sink.sequences == [1, 2, 3, 4]
    warnings = [each for each in logs if each["event"] == "events_not_published"]
    assert [each["retry_ms"] for each in warnings] == [1, 2, 4, 4, 4]
    assert {each["lag_count"] for each in warnings} == {4}
    assert [each["event"] for each in logs].count("events_caught_up") == 1


async def test_nobody_who_decides_waits_for_the_sink(
    runtime: Runtime, sink: ListSink
) -> None:
    """The sink does not answer at all: decisions are made, and one batch is held."""
    sink.is_open.clear()
    outbox = _outbox(runtime, sink)
    await outbox.follow(runtime.tenants())
    await _decide(runtime, 1, 40)
    await _until(lambda: bool(sink.tries))
    lags = await outbox.lags()
    assert lags[TENANT].decision_count == 40
    assert (sink.tries, sink.batches) == ([1], [])
    sink.is_open.set()
    await outbox.stop()
    assert sink.sequences == list(range(1, 41))


async def test_a_place_is_kept_only_of_what_the_sink_has_answered_for(
    runtime: Runtime, sink: ListSink
) -> None:
    """While a batch is on its way the store keeps the place before it."""
    await _decide(runtime, 1, 2)
    sink.is_open.clear()
    relay = _relay(runtime, sink)
    running = asyncio.create_task(relay.run())
    await _until(lambda: sink.tries == [1])
    await relay.keep()
    assert await _kept(runtime) == 0
    sink.is_open.set()
    relay.stop()
    await running
    assert await _kept(runtime) == 0
    await relay.keep()
    assert await _kept(runtime) == 2


async def test_what_was_published_and_not_kept_comes_again_the_same(
    runtime: Runtime, sink: ListSink
) -> None:
    """A crash in between: the second life sends the same ids and the same bytes."""
    await _decide(runtime, 1, 5)
    for _ in range(2):
        relay = _relay(runtime, sink)
        relay.stop()
        await relay.run()
    events = [event for batch in sink.batches for event in batch]
    assert events[:5] == events[5:]
    assert len({event.event_id for event in events}) == 5


async def test_a_place_of_before_a_take_over_is_not_kept(
    runtime: Runtime, sink: ListSink
) -> None:
    """Whoever has the log by now moves its place alone, forth or back."""
    await _decide(runtime, 1, 3)
    relay = _relay(runtime, sink)
    relay.stop()
    await relay.run()
    await runtime.read(_take_over)
    with pytest.raises(NotOwnerError, match="with server another"):
        await relay.keep()
    assert await _kept(runtime) == 0


def _take_over(store: Store) -> None:
    leases = store.leases()
    assert leases.take(TENANT, "another", leases.state(TENANT)) is not None


async def test_stopping_does_not_wait_for_a_sink_that_is_away(
    runtime: Runtime, sink: ListSink
) -> None:
    """It has failed already: the backlog stays in the store, one more try at most."""
    await _decide(runtime, 1, 2)
    sink.failures_left = 1_000_000
    params = replace(PARAMS, retry_first_s=3_600.0, retry_max_s=3_600.0)
    outbox = Outbox(runtime, sink, decision_event, params)
    await outbox.follow(runtime.tenants())
    await _until(lambda: sink.tries == [1])
    async with asyncio.timeout(_PATIENCE_S):
        await outbox.stop()
    assert sink.tries == [1]
    assert await _kept(runtime) == 0


async def test_a_fault_of_our_own_neither_ends_nor_skips_anything(
    runtime: Runtime, sink: ListSink
) -> None:
    """An event that cannot be made holds the log up, and is told, until it can be."""
    broken = 2

    def encode(tenant: TenantId, logged: LoggedDecision) -> Event:
        nonlocal broken
        if logged.sequence == 2 and broken:
            broken -= 1
            raise ValueError("no event of that")
        return decision_event(tenant, logged)

    await _decide(runtime, 1, 3)
    outbox = Outbox(runtime, sink, encode, PARAMS)
    with capture_logs() as logs:
        await outbox.follow(runtime.tenants())
        await _until(lambda: len(sink.sequences) == 3)
        await outbox.stop()
    assert sink.sequences == [1, 2, 3]
    assert [each["event"] for each in logs].count("relay_broke") == 2


async def test_lag_counts_what_the_sink_has_not_answered_for(
    tmp_path: Path, sink: ListSink
) -> None:
    """Three decisions, an hour ago: three and an hour before, none after."""
    past = _runtime(tmp_path)
    await past.start()
    await _decide(past, 1, 3)
    await past.stop()
    later = _runtime(tmp_path, NOW_US + 3_600_000_000)
    await later.start()
    relay = _relay(later, sink)
    assert await relay.lag() == Lag(3, 3_600_000_000)
    relay.stop()
    await relay.run()
    assert await relay.lag() == Lag(0, 0)
    await later.stop()
