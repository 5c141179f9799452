"""What a server needs, checked one by one; each check reads and leaves no trace."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from numba.core.dispatcher import Dispatcher

from matcher.domain.errors import NearturnError
from matcher.engine.warm_up import warm_up
from server.cli.connection import connect
from server.cli.doctor_access import check_access
from server.cli.doctor_findings import Finding, fail, ok, warn
from server.config import Settings
from server.events.broker_probe import probe_broker
from server.storage.opening import POSTGRES, file_of
from server.storage.postgres_params import PostgresParams
from server.storage.store_probe import StoreProbe, probe_store

_GIB = 2**30
_SECOND_US = 1_000_000

#: Least room on the disk of a store, in bytes: to serve at all, and without a warning.
_ROOM_MIN, _ROOM_GOOD = _GIB, 10 * _GIB

#: How far the clocks of a server and of its database may be apart.
_SKEW_US = 2 * _SECOND_US

_HEALTH_S = 3.0


def check_store(settings: Settings) -> list[Finding]:
    """Check that the store can be read, its revision, and both clocks."""
    try:
        probe = probe_store(settings.store_url, _postgres_params(settings))
    except NearturnError as error:
        todo = "See that the database runs, that its folder exists and who may read it."
        return [fail("store", str(error), todo)]
    now_us = time.time_ns() // 1_000
    return [_revision(probe), *_clocks(probe, now_us)]


def _postgres_params(settings: Settings) -> PostgresParams:
    return PostgresParams(
        reader_count=settings.store_reader_count,
        connect_timeout_s=settings.store_connect_timeout_s,
        statement_timeout_ms=settings.store_statement_timeout_ms,
        idle_timeout_ms=settings.store_idle_timeout_ms,
        network_timeout_ms=settings.store_network_timeout_ms,
    )


def _revision(probe: StoreProbe) -> Finding:
    if probe.current is None:
        return ok("store", "there is none yet; the server makes it when it starts")
    if probe.current != probe.head:
        said = f"it has revision {probe.current}, this version {probe.head}"
        todo = (
            "A server upgrades it when it starts; nearturn store migrate does so with "
            "a backup first."
        )
        return warn("store", said, todo)
    held = f", held by {', '.join(probe.holders)}" if probe.holders else ""
    return ok("store", f"it can be read, revision {probe.current}{held}")


def _clocks(probe: StoreProbe, now_us: int) -> Iterator[Finding]:
    todo = "Have both machines follow a time server."
    if probe.clock_us is not None:
        skew_s = abs(now_us - probe.clock_us) / _SECOND_US
        said = f"it is {skew_s:.1f} s from the database's"
        is_near = skew_s * _SECOND_US <= _SKEW_US
        yield ok("clock", said) if is_near else warn("clock", said, todo)
    if probe.written_us is not None and probe.written_us > now_us + _SKEW_US:
        ahead_s = (probe.written_us - now_us) / _SECOND_US
        said = f"the store was last written {ahead_s:,.0f} s from now: it is slow"
        yield fail("clock", said, "Set it: until then nothing falls due.")
    elif probe.clock_us is None:
        yield ok("clock", "nothing in the store is of a later time")


def check_disk(settings: Settings) -> Finding:
    """Check the room on the disk of an embedded store."""
    if settings.store_url.startswith(POSTGRES):
        return ok("disk", "the store is not on this machine; PostgreSQL has its own")
    try:
        folder = file_of(settings.store_url).resolve().parent
        free = shutil.disk_usage(folder).free
    except (NearturnError, OSError) as error:
        todo = "Make the folder, or name another one in store_url."
        return fail("disk", f"the folder of the store cannot be read: {error}", todo)
    if not os.access(folder, os.W_OK):
        todo = "Let the user that the server runs as write there."
        return fail("disk", f"{folder} cannot be written by this user", todo)
    said = f"{free / _GIB:,.1f} GiB are free in {folder}"
    todo = "Make room: a full disk stops all writes, and reads go on."
    if free < _ROOM_MIN:
        return fail("disk", said, todo)
    return ok("disk", said) if free >= _ROOM_GOOD else warn("disk", said, todo)


def check_kernels(_settings: Settings) -> Finding:
    """Check that compiled kernels are kept: run all of them once."""
    began_s = time.monotonic()
    try:
        warm_up()
    except Exception as error:  # noqa: BLE001 - whatever breaks, it is said
        todo = "Install the locked requirements; the numba and NumPy here do not work."
        said = f"they do not run: {type(error).__name__}: {error}"
        return fail("kernels", said, todo)
    taken_s = time.monotonic() - began_s
    kernels = list(_kernels())
    compiled = sum(sum(each.stats.cache_misses.values()) for each in kernels)
    folders = {Path(each.stats.cache_path) for each in kernels if each.stats.cache_path}
    closed = sorted(str(each) for each in folders if not os.access(each, os.W_OK))
    if compiled and closed:
        said = f"{compiled} had to be compiled and cannot be kept in {closed[0]}"
        todo = "Name a folder that can be written: NUMBA_CACHE_DIR."
        return warn("kernels", said, todo)
    if compiled:
        said = f"{compiled} had to be compiled, in {taken_s:.1f} s; they are kept now"
        return ok("kernels", said)
    return ok("kernels", f"{len(kernels)} are compiled, and ready in {taken_s:.1f} s")


def _kernels() -> Iterator[Dispatcher]:
    for name, module in list(sys.modules.items()):
        if name.startswith("matcher.") and name.endswith("_kernel"):
            for value in vars(module).values():
                if isinstance(value, Dispatcher) and value.py_func.__module__ == name:
                    yield value


def check_broker(settings: Settings) -> Finding:
    """Check that the broker answers, if there is to be one, and what its stream is."""
    if not settings.nats_url:
        return ok("broker", "none is set")
    credentials = Path(settings.nats_credentials) if settings.nats_credentials else None
    urls = tuple(settings.nats_url.split(","))
    try:
        said = probe_broker(urls, credentials, settings.nats_stream)
    except NearturnError as error:
        todo = (
            "Nothing is lost: decisions wait in the store. See that the broker runs, "
            "and what its stream is; docs/EVENTS.md says what it needs."
        )
        return fail("broker", str(error), todo)
    return ok("broker", said)


def check_port(settings: Settings) -> Finding:
    """Check that the port is free, or that a server is on it."""
    taken = _taken("listen", settings.listen)
    if taken is None:
        return ok("listen", f"{settings.listen} is free")
    status = _health(settings.listen)
    if status == health_pb2.HealthCheckResponse.SERVING:
        return ok("listen", f"a server is on {settings.listen} and SERVING")
    if status is not None:
        name = health_pb2.HealthCheckResponse.ServingStatus.Name(status)
        todo = "It loads, stands by, or stops: its log says which."
        return warn("listen", f"a server is on {settings.listen} and {name}", todo)
    if settings.insecure:
        return taken
    todo = (
        "If it is a server of ours, name the authority of its certificate, as in "
        "nearturn --ca ca.pem doctor, to see its health. If not, stop it."
    )
    return warn("listen", f"something is on {settings.listen}", todo)


def check_metrics_port(settings: Settings) -> Finding:
    """Check that the port for metrics is free, or taken together with the other."""
    if not settings.metrics_listen:
        return ok("metrics_listen", "none is set: nobody scrapes metrics")
    return _beside(settings, "metrics_listen", settings.metrics_listen)


def check_health_port(settings: Settings) -> Finding:
    """Check that the port for health is free, or taken together with the other."""
    if not settings.health_listen:
        return ok("health_listen", "none is set: probes ask where calls go")
    return _beside(settings, "health_listen", settings.health_listen)


def _beside(settings: Settings, check: str, listen: str) -> Finding:
    taken = _taken(check, listen)
    if taken is None:
        return ok(check, f"{listen} is free")
    if _health(settings.listen) is not None:
        return ok(check, f"{listen} is in use, by a server")
    return taken


def _taken(check: str, listen: str) -> Finding | None:
    host, _, port = listen.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as probe:
            # As servers do: what only lingers is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[0][4])
    except (OSError, OverflowError) as error:
        todo = "Stop what is there, or listen on another address of this machine."
        return fail(check, f"{listen} cannot be listened on: {error}", todo)
    return None


def _health(address: str) -> int | None:
    # Open to everybody, so that nothing but the authority need be named.
    with connect(address) as client:
        stub = health_pb2_grpc.HealthStub(client.channel)
        try:
            request = health_pb2.HealthCheckRequest()
            return int(stub.Check(request, timeout=_HEALTH_S).status)
        except grpc.RpcError:
            return None


def check_threads(settings: Settings) -> Finding:
    """Check that there is a core for each thread that solves."""
    cores = len(os.sched_getaffinity(0))
    said = f"{settings.solver_threads} solve, on {cores} cores"
    if settings.solver_threads <= cores:
        return ok("threads", said)
    return warn("threads", said, "Lower solver_threads: more than cores gain nothing.")


#: All checks of one finding, in the order in which they are told.
CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    check_access,
    check_disk,
    check_threads,
    check_kernels,
    check_broker,
    check_port,
    check_health_port,
    check_metrics_port,
)
