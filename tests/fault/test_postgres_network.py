"""The network between a store and PostgreSQL breaks, in each way that networks do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing

import pytest

from matcher.domain.errors import UnavailableError
from server.storage.opening import open_store
from server.storage.postgres_params import PostgresParams
from server.storage.sql_store import SqlStore
from tests.fault.numbered_commits import commit, last_commit
from tests.scenarios.fault_proxy import FaultProxy
from tests.scenarios.postgres_server import PostgresServer

_PARAMS = PostgresParams(
    connect_timeout_s=2,
    statement_timeout_ms=500,
    idle_timeout_ms=400,
    network_timeout_ms=300,
)

# A call that should end by a timeout, and does not, fails rather than stays.
_PATIENCE_S = 30.0

FAULTS: dict[str, Callable[[FaultProxy], None]] = {
    "cut": FaultProxy.cut,
    "stall": FaultProxy.stall,
    "half-open": FaultProxy.lose_server,
}
CALLS: dict[str, Callable[[SqlStore], object]] = {
    "commit": lambda store: commit(store, 2),
    "read": lambda store: store.ping(),
    "snapshot": lambda store: store.tenants(),
}


@pytest.fixture
def direct(postgres: PostgresServer) -> Iterator[SqlStore]:
    """Give a store beside the broken network, on the same database."""
    with closing(open_store(postgres.new_database())) as store:
        commit(store, 1)
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
    commit(store, 2)
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


@pytest.mark.parametrize("is_passed_on", [True, False], ids=["behind", "before"])
def test_commit_whose_answer_is_lost_says_so(
    store: SqlStore, direct: SqlStore, proxy: FaultProxy, is_passed_on: bool
) -> None:
    """Cut right before or behind the COMMIT: stored or not, the caller cannot know."""
    proxy.cut_at(b"COMMIT\0", is_passed_on=is_passed_on)
    with pytest.raises(UnavailableError, match="may be stored, a retry shows"):
        _patiently(lambda: commit(store, 2))
    # A commit that is under way has ended once another writer has had its turn.
    direct.forget_answers(0)
    assert last_commit(store) == last_commit(direct) == 1 + is_passed_on


@pytest.mark.parametrize("fault", FAULTS)
def test_writer_that_lost_its_network_lets_others_write(
    store: SqlStore, direct: SqlStore, proxy: FaultProxy, fault: str
) -> None:
    """The server ends its transaction, of which nothing is stored, for it is idle."""

    def write() -> None:
        with store._database.writing("write") as connection:
            connection.exec_driver_sql("DELETE FROM demands")
            FAULTS[fault](proxy)
            commit(direct, 2)
            connection.exec_driver_sql("DELETE FROM returns")

    with pytest.raises(UnavailableError, match="cannot write"):
        _patiently(write)
    assert last_commit(direct) == 2


def test_writers_exclude_each_other(store: SqlStore, direct: SqlStore) -> None:
    """A second writer waits for the first, for as long as a statement may take."""
    with direct._database.writing("write"):
        with pytest.raises(UnavailableError, match="statement timeout"):
            commit(store, 2)
        store.ping()
    commit(store, 2)
    assert last_commit(direct) == 2
