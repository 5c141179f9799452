"""The network between a store and PostgreSQL breaks, in each way that networks do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing

import pytest

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import TenantId
from matcher.engine.commands import Command, UpsertDemands
from matcher.engine.shard import Shard
from server.runtime.shard_host import ShardHost
from server.runtime.work import Work
from server.storage.opening import open_store
from server.storage.postgres_params import PostgresParams
from server.storage.row_writing import sending, write_rows
from server.storage.rows import Row
from server.storage.sql_store import SqlStore
from server.storage.statements import UPSERTS
from server.storage.tables import policies
from tests.contract.store.rows import BRAND
from tests.fault.numbered_commits import commit_number, last_commit
from tests.scenarios import NOW_US, demand
from tests.scenarios.fault_proxy import FaultProxy
from tests.scenarios.owned import owning
from tests.scenarios.postgres_server import PostgresServer

_PARAMS = PostgresParams(
    connect_timeout_s=2,
    statement_timeout_ms=500,
    idle_timeout_ms=1_000,
    network_timeout_ms=300,
)

# Has nothing of the numbered commits.
_TENANT = TenantId("third")

# A call that should end by a timeout, and does not, fails rather than stays.
_PATIENCE_S = 30.0

FAULTS: dict[str, Callable[[FaultProxy], None]] = {
    "cut": FaultProxy.cut,
    "stall": FaultProxy.stall,
    "half-open": FaultProxy.lose_server,
}
CALLS: dict[str, Callable[[SqlStore], object]] = {
    "commit": lambda store: commit_number(store, 2),
    "read": lambda store: store.ping(),
    "snapshot": lambda store: store.tenants(),
}


@pytest.fixture
def direct(postgres: PostgresServer) -> Iterator[SqlStore]:
    """Give a store beside the broken network, on the same database."""
    with closing(open_store(postgres.new_database())) as store:
        commit_number(store, 1)
        yield store


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[FaultProxy]:
    """Run a network that works so far."""
    with FaultProxy(postgres.port) as started:
        yield started


@pytest.fixture
def store(
    direct: SqlStore, postgres: PostgresServer, proxy: FaultProxy
) -> Iterator[SqlStore]:
    """Give a store behind that network."""
    url = direct._database.place.replace(f":{postgres.port}/", f":{proxy.port}/")
    with closing(open_store(url, postgres=_PARAMS)) as opened:
        yield opened


def _patiently(call: Callable[[], object]) -> None:
    ended: Future[object] = Future()

    def run() -> None:
        try:
            ended.set_result(call())
        except Exception as error:  # noqa: BLE001 - handed over
            ended.set_exception(error)

    # A daemon: one that never ends holds up nobody else.
    threading.Thread(target=run, daemon=True).start()
    ended.result(_PATIENCE_S)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_call_over_a_broken_network_ends(
    store: SqlStore, direct: SqlStore, proxy: FaultProxy, fault: str, call: str
) -> None:
    """It is refused, nothing of it is stored, and later ones work once it is mended."""
    # Both kinds of connections are there before it breaks.
    last_commit(store)
    store.forget_answers(-1)
    FAULTS[fault](proxy)
    with pytest.raises(UnavailableError) as caught:
        _patiently(lambda: CALLS[call](store))
    assert "may be stored" not in str(caught.value)
    assert last_commit(direct) == 1
    proxy.heal()
    commit_number(store, 2)
    assert last_commit(store) == last_commit(direct) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_opening_over_a_broken_network_ends(
    store: SqlStore, proxy: FaultProxy, fault: str
) -> None:
    """As a call does; the store is left as it is."""
    url = store._database.place
    FAULTS[fault](proxy)
    with pytest.raises(UnavailableError, match="cannot open it"):
        _patiently(lambda: open_store(url, postgres=_PARAMS))


@pytest.mark.parametrize("table", ["demands", "answers"])
def test_network_that_breaks_among_the_rows(
    store: SqlStore,
    direct: SqlStore,
    proxy: FaultProxy,
    caplog: pytest.LogCaptureFixture,
    table: str,
) -> None:
    """
    At the first or the last of what is sent without waiting: nothing is stored.

    Whether the COMMIT behind it was under way by then depends on the moment: the caller
    may be told that all may be stored.
    """
    proxy.cut_at(f"INSERT INTO {table}".encode(), is_passed_on=False)
    with pytest.raises(UnavailableError, match="cannot commit"):
        _patiently(lambda: commit_number(store, 2))
    # The driver warns; that a connection could not be put in order would be an error.
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == []
    assert last_commit(store) == last_commit(direct) == 1
    commit_number(store, 2)


@pytest.mark.parametrize("delay_s", [0.0, 0.2])
@pytest.mark.parametrize("is_passed_on", [True, False], ids=["behind", "before"])
def test_commit_whose_answer_is_lost_says_so(
    store: SqlStore,
    direct: SqlStore,
    proxy: FaultProxy,
    is_passed_on: bool,
    delay_s: float,
) -> None:
    """
    Cut right before or behind the COMMIT: stored or not, the caller cannot know.

    Nor can the store, until a COMMIT that is still on its way has come or can come no
    more: its next read waits for that.
    """
    proxy.cut_at(b"COMMIT\0", is_passed_on=is_passed_on, delay_s=delay_s)
    with pytest.raises(UnavailableError, match="may be stored, a retry shows"):
        _patiently(lambda: commit_number(store, 2))
    found = last_commit(store)
    assert found == last_commit(direct) == 1 + is_passed_on
    commit_number(store, found + 1)


@pytest.mark.parametrize("is_passed_on", [True, False], ids=["behind", "before"])
def test_retry_after_a_lost_answer_gets_the_true_one(
    store: SqlStore, proxy: FaultProxy, is_passed_on: bool
) -> None:
    """
    The same request id after a COMMIT that arrives late: done once, answered alike.

    What the shard is built from anew has the commit if it is there: nothing is
    numbered, held or stored twice.
    """
    host = ShardHost(store, lambda: NOW_US, owning(store, _TENANT))
    host.start([_TENANT])
    _done(host, "q0", UpsertDemands((demand("d1"),), ("",)))
    proxy.cut_at(b"COMMIT\0", is_passed_on=is_passed_on, delay_s=0.2)
    change = UpsertDemands((demand("d2"), demand("d3")), ("", ""))
    with pytest.raises(UnavailableError, match="may be stored, a retry shows"):
        _patiently(lambda: _done(host, "q1", change))
    first = store.answer(_TENANT, "q1")
    assert (first is not None) == is_passed_on
    answer = _done(host, "q1", change)
    assert first is None or first.answer == answer
    stored = store.load(_TENANT).demands
    assert [each.demand.demand_id for each in stored] == ["d1", "d2", "d3"]
    assert {each.version for each in stored} == {1}


def _done(host: ShardHost, request_id: str, command: Command) -> object:
    def run(shard: Shard, now_us: int) -> bytes:
        return repr(shard.apply(command, now_us)).encode()

    (done,) = host.process([Work(_TENANT, run, request_id, "hash", command)])
    if done.error is not None:
        raise done.error
    return done.value


def _policy(version: int) -> Row:
    return {"tenant": BRAND, "version": version, "state": 1, "document": "{}"}


@pytest.mark.parametrize("fault", FAULTS)
def test_writer_that_lost_its_network_lets_others_write(
    store: SqlStore, direct: SqlStore, proxy: FaultProxy, fault: str
) -> None:
    """The server ends its transaction, of which nothing is stored, for it is idle."""

    def write() -> None:
        with store._database.writing("write") as connection:
            connection.exec_driver_sql("DELETE FROM demands")
            FAULTS[fault](proxy)
            commit_number(direct, 2)
            connection.exec_driver_sql("DELETE FROM returns")

    with pytest.raises(UnavailableError, match="cannot write"):
        _patiently(write)
    assert last_commit(direct) == 2


def test_writer_that_stalls_among_its_rows_lets_others_write(
    store: SqlStore, proxy: FaultProxy
) -> None:
    """
    Some of its statements arrived, their end does not: whoever waits ends the session.

    The server does not, for inside of a pipeline it does not count the time.
    """
    url = store._database.place.replace(f":{proxy.port}/", f":{proxy.server_port}/")

    def write() -> None:
        with store._database.writing("write") as connection, sending(connection):
            write_rows(connection, UPSERTS[policies], [_policy(1)])
            write_rows(connection, UPSERTS[policies], [_policy(2)])
            proxy.stall()
            commit_number(waiting, 2)

    params = PostgresParams(idle_timeout_ms=300)
    with closing(open_store(url, postgres=params)) as waiting:
        with pytest.raises(UnavailableError, match="cannot write"):
            _patiently(write)
        assert last_commit(waiting) == 2
        assert waiting.list_policies(BRAND, after_version=0, limit=9) == []


def test_writers_exclude_each_other(store: SqlStore, direct: SqlStore) -> None:
    """A second writer waits for the first, for as long as a statement may take."""
    with direct._database.writing("write"):
        with pytest.raises(UnavailableError, match="lock timeout"):
            commit_number(store, 2)
        store.ping()
    commit_number(store, 2)
    assert last_commit(direct) == 2
