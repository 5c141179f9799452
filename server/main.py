"""The composition root: builds the server out of its rooms, runs it, takes it down."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import socket
from collections.abc import Callable, Collection
from pathlib import Path

import structlog

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import TenantId
from matcher.engine.warm_up import warm_up
from server.api.decision_event import decision_event
from server.api.registration import Registration
from server.api.warm_up import warm_up_calls
from server.config import Settings
from server.door import Door
from server.events.event_sink import EventSink
from server.events.outbox import Outbox
from server.events.relay import RelayParams
from server.quotas import Quotas
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage import arrow_rows
from server.storage.opening import is_sqlite, open_store
from server.storage.postgres_params import PostgresParams
from server.storage.sql_store import SqlStore
from server.storage.sqlite_database import SqliteParams
from server.telemetry.sight import Sight, SightParams
from server.web_door import WebDoor
from server.wire_door import Wire, wire

log = structlog.get_logger(__name__)

# Hosts to listen on that nobody can call.
_EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104 - compared with, not listened on


class Server:
    """
    One running server.

    Parameters
    ----------
    settings
        How it runs.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._quotas = Quotas(settings)
        self._runtime: Runtime | None = None
        self._wire: Wire | None = None
        self._registration: Registration | None = None
        self._sink: EventSink | None = None
        self._outbox: Outbox | None = None
        self._sight = Sight(_sight_params(settings), lambda: self._outbox)
        self._door = Door(
            settings,
            settings.tenants,
            settings.listen,
            self._quotas.of,
            self._sight.watch,
        )
        self._web = WebDoor(settings)
        self._is_serving = False
        self.port = 0

    async def start(self) -> None:
        """
        Open the store, listen, compile the kernels, load the shards, then serve.

        Beside another server on the same store it stands by until that one is gone.

        Raises
        ------
        InvalidValueError
            If a setting cannot be used, such as an address that is taken.
        UnavailableError
            If the store cannot be opened.
        """
        settings = self._settings
        self._sink = _event_sink(settings)
        store = await asyncio.to_thread(_open_store, settings)
        self._runtime = Runtime(
            store,
            limits=self._quotas.limits,
            weight=self._quotas.weight,
            options=_options(settings),
            watch=self._sight.watch,
        )
        self._sight.open(self._runtime)
        self._registration = Registration(self._runtime, self._sight.watch)
        # Health answers NOT_SERVING at first; the rest waits for the kernels.
        await self._registration.loading()
        self._wire = wire(settings, self._door, self._registration.by_path())
        self.port = await self._wire.start()
        self._web.bind()
        self._door.start()
        await self._web.start(self._registration, self._door.admission)
        self._runtime.advertise(_address(settings, self.port))
        # Beside another server it is long before the next line that tells a port.
        log.info("listening", listen=settings.listen, port=self.port)
        await asyncio.to_thread(warm_up_all)
        await self._runtime.start(self._decides)
        self._door.note_keys(self._runtime)
        gc.freeze()
        await self._publish(self._runtime.tenants())
        await self._registration.serving()
        self._is_serving = self._sight.is_serving = True
        log.info("serving", listen=settings.listen, port=self.port)

    async def _decides(self, tenants: frozenset[TenantId]) -> None:
        # Callers go where health says SERVING: to whoever has shards. Those of a shard
        # that another server has are told where that is.
        assert self._registration is not None
        self._sight.is_serving = bool(tenants)
        if tenants:
            await self._publish(tenants)
            await self._registration.serving()
        else:
            await self._registration.loading()
            if self._outbox is not None:
                await self._outbox.halt()
        event = "serving" if tenants else "standing_by"
        log.info(event, port=self.port, tenants=sorted(tenants))

    async def _publish(self, tenants: Collection[TenantId]) -> None:
        if self._sink is None:
            return
        assert self._runtime is not None
        if self._outbox is None or self._outbox.is_halted:
            params = _relay_params(self._settings)
            self._outbox = Outbox(self._runtime, self._sink, decision_event, params)
        await self._outbox.follow(tenants)

    async def _stop_wire(self) -> None:
        if self._wire is not None:
            await self._wire.stop(self._settings.shutdown_grace_s)

    async def stop(self) -> None:
        """Say so, stop accepting, let running calls finish, commit, close the store."""
        log.info("stopping", grace_s=self._settings.shutdown_grace_s)
        self._sight.is_serving = False
        if self._registration is not None:
            await self._registration.stopping()
        if self._is_serving:
            # Callers that still come meanwhile are answered, and need not come twice.
            await asyncio.sleep(self._settings.drain_delay_ms / 1_000)
        if self._runtime is not None:
            self._runtime.refuse_streams()
        await asyncio.gather(self._stop_wire(), self._web.stop())
        await self._door.stop()
        if self._outbox is not None:
            await self._outbox.stop()
        await asyncio.to_thread(self._sight.close)
        if self._runtime is not None:
            await self._runtime.stop()
        log.info("stopped")


async def serve(settings: Settings, started: Callable[[int], None]) -> None:
    """
    Serve until SIGTERM or SIGINT; ``started`` is told the port.

    Raises
    ------
    InvalidValueError, UnavailableError
        As :meth:`Server.start` does.
    """
    server = Server(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    starting = asyncio.create_task(server.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        # A standby may be told to stop before it ever serves.
        await asyncio.wait({starting, stopping}, return_when="FIRST_COMPLETED")
        if starting.done():
            await starting
            started(server.port)
            await stopping
    finally:
        starting.cancel()
        await asyncio.wait({starting})
        await server.stop()


def _address(settings: Settings, port: int) -> str:
    if settings.advertised_address:
        return settings.advertised_address
    host = settings.listen.rpartition(":")[0]
    # Of every address of the machine its name is the one that others may know.
    return f"{socket.gethostname() if host in _EVERYWHERE else host}:{port}"


def warm_up_all() -> None:
    """Do what the first calls would wait for: kernels, rules, texts, and modules."""
    warm_up()
    arrow_rows.warm_up()
    warm_up_calls()


def _open_store(settings: Settings) -> SqlStore:
    return open_store(
        settings.store_url,
        SqliteParams(reader_count=settings.store_reader_count),
        PostgresParams(
            reader_count=settings.store_reader_count,
            connect_timeout_s=settings.store_connect_timeout_s,
            statement_timeout_ms=settings.store_statement_timeout_ms,
            idle_timeout_ms=settings.store_idle_timeout_ms,
            network_timeout_ms=settings.store_network_timeout_ms,
        ),
    )


def _options(settings: Settings) -> RuntimeOptions:
    return RuntimeOptions(
        tenants=settings.tenants,
        threads=settings.solver_threads,
        runs_timers=settings.run_timers,
        queue_count_max=settings.queue_count_max,
        group_count_max=settings.group_count_max,
        retention_us=settings.request_retention_hours * 3_600_000_000,
        history_us=settings.history_retention_days * 24 * 3_600_000_000,
        replay_budget_us=settings.replay_budget_ms * 1_000,
        solve_budget_us=settings.solve_budget_ms * 1_000,
        holder=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        lease_ttl_us=settings.lease_ttl_ms * 1_000,
        runs_quick_on_loop=settings.wire_process and is_sqlite(settings.store_url),
    )


def _sight_params(settings: Settings) -> SightParams:
    return SightParams(
        metrics_listen=settings.metrics_listen,
        trace_endpoint=settings.trace_endpoint,
        trace_percent=settings.trace_percent,
        queue_limit=settings.queue_count_max,
    )


def _event_sink(settings: Settings) -> EventSink | None:
    if not settings.nats_url:
        return None
    try:
        # An extra that only those have who publish.
        from server.events.nats_sink import NatsParams, NatsSink  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise InvalidValueError(
            "nats_url", "set", "empty, unless the extra is installed: nearturn[nats]"
        ) from error
    file = Path(settings.nats_credentials) if settings.nats_credentials else None
    if file is not None and not file.is_file():
        raise InvalidValueError("nats_credentials", str(file), "a file that exists")
    urls = tuple(settings.nats_url.split(","))
    return NatsSink(NatsParams(urls, file, settings.nats_stream))


def _relay_params(settings: Settings) -> RelayParams:
    return RelayParams(
        batch_max=settings.event_batch_max,
        retry_max_s=settings.event_retry_max_ms / 1_000,
    )
