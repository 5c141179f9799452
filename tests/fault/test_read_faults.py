"""Reads of the store's file that fail: right answers or refusals, and nothing lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from nearturn import error_details
from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1.demand_service_pb2_grpc import DemandServiceStub
from server.storage.store_check import check_store
from tests.contract.messages import demand, timestamp
from tests.fault.failing_calls import FailingCalls, can_trace
from tests.fault.kill_load import KillLoad
from tests.fault.numbered_commits import commit_number, last_commit, open_numbered
from tests.scenarios import DAY_US
from tests.scenarios.server_process import ServerProcess, now_us
from tests.scenarios.store_audit import StoreAudit

ROOT = Path(__file__).resolve().parents[2]

#: Demands of the store, on some six hundred pages.
_STORED = 3_000
_BATCH = 1_000

# What is quick is in the ordinary run, where nobody has to have strace; the slow ones
# fail without it.
_traced = pytest.mark.skipif(
    not can_trace(), reason="needs strace: `make fault-tools` as root"
)

_REFUSAL = "the server cannot serve this call now; please repeat it"


def _files(store: Path) -> tuple[Path, Path]:
    # Where a page may be read from: the database, or the log beside it.
    return store, store.with_name(f"{store.name}-wal")


def _quantity(number: int) -> int:
    return 1 + number % 97


@dataclass
class Caller:
    """Asks a server about demands that it has stored, each answer being known."""

    address: str
    written: set[str] = field(default_factory=set)
    right: int = 0
    refused: int = 0

    def upsert(self, first: int, count: int) -> None:
        """Store demands by their numbers; a refusal is raised."""
        late = timestamp(now_us() + DAY_US)
        wanted = [
            demand(f"d{number:06}", quantity=_quantity(number), ship_by_time=late)
            for number in range(first, first + count)
        ]
        request = demands.BatchUpsertDemandsRequest(demands=wanted)
        with self._stub() as stub:
            stub.BatchUpsertDemands(request)
        self.written.update(each.demand_id for each in wanted)

    def read(self, number: int) -> None:
        """Read one demand, and the hundred behind another: right, or refused."""
        with self._stub() as stub:
            with self._counted():
                asked = demands.GetDemandRequest(demand_id=f"d{number:06}")
                found = stub.GetDemand(asked).demand
                assert found.quantity == _quantity(number)
                self.right += 1
            with self._counted():
                # A row that is not there is not known to be missing, unread.
                asked = demands.GetDemandRequest(demand_id=f"d{number:06}-never")
                with pytest.raises(grpc.RpcError) as caught:
                    stub.GetDemand(asked)
                if caught.value.code() is not grpc.StatusCode.NOT_FOUND:
                    raise caught.value
                self.right += 1

    def list_all(self) -> None:
        """List all demands by pages: each of them whole and right, or refused."""
        known = sorted(self.written)
        token = ""
        with self._stub() as stub, self._counted():
            while known:
                page = stub.ListDemands(
                    demands.ListDemandsRequest(page_size=500, page_token=token)
                )
                listed = [each.demand_id for each in page.demands]
                assert listed == known[: len(listed)]
                known, token = known[len(listed) :], page.next_page_token
            assert not token
            self.right += 1

    def write_in_trouble(self, first: int) -> None:
        """Write batches of ten: what is refused is not stored, the rest is."""
        for batch in range(6):
            with self._counted():
                self.upsert(first + 10 * batch, 10)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            self.refused += 1
            _assert_clean(error)

    @contextmanager
    def _stub(self) -> Iterator[DemandServiceStub]:
        # A client of ours would come again until the trouble is over.
        once = [("grpc.enable_retries", 0)]
        with grpc.insecure_channel(self.address, once) as channel:
            yield DemandServiceStub(channel)


def _assert_clean(error: grpc.RpcError) -> None:
    # In these words and no others: of a class, a file, SQLite or a trace.
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, _REFUSAL)
    info = error_details(error)[0]
    assert isinstance(info, ErrorInfo)
    assert info.reason == "UNAVAILABLE"
    assert [*info.metadata] == ["error_id"]


def _live_through(server: ServerProcess, store: Path, faults: Sequence[str]) -> None:
    """Have each fault come and go; end by a kill, and look at what is stored."""
    caller = Caller(server.address)
    for first in range(0, _STORED, _BATCH):
        caller.upsert(first, _BATCH)
    for turn, fault in enumerate(faults):
        log = server.log.with_name(f"calls{turn}")
        failing = FailingCalls(fault, log, _files(store))
        caller.right = caller.refused = 0
        new = _STORED + 1_000 * turn
        # Readers forget all their pages for it: they are read from the files again.
        caller.upsert(new + 900, 1)
        with failing.of(server.pid):
            # So far apart that each is on a page of its own.
            for number in range(turn, _STORED, _STORED // 40):
                caller.read(number)
            caller.list_all()
            caller.write_in_trouble(new)
        assert failing.hits() >= 10
        assert caller.refused >= 10
        # Where every read fails there is hardly an answer, and many where one in five.
        assert (caller.right >= 20) == ("when" in fault)
        _assert_well(caller, new + 500)
    server.kill()
    assert '"level": "error"' not in server.logged()
    assert "Traceback" not in server.logged()
    assert check_store(store, is_quick=False, with_proofs=True, limit=9).is_sound
    assert StoreAudit.of(server.store_url).demands.keys() == caller.written


def _assert_well(caller: Caller, new: int) -> None:
    # The server needs no restart: the very next calls are answered, and stored.
    caller.refused = 0
    caller.upsert(new, 20)
    caller.list_all()
    for number in range(0, _STORED, _STORED // 40):
        caller.read(number)
    assert not caller.refused


@pytest.mark.e2e
@_traced
def test_a_server_lives_through_reads_that_fail(tmp_path: Path) -> None:
    """
    Every read of the store fails for a while, then one in five: right, or refused.

    UNAVAILABLE without a word about what is inside, no row that is there said to be
    missing, nothing acknowledged lost and nothing refused stored; well at once when
    the reads work again (I4, I12).
    """
    faults = ("pread64:error=EIO", "pread64:error=EIO:when=1+5")
    with ServerProcess(tmp_path, "--log-level=warning", "--no-timers") as server:
        _live_through(server, tmp_path / "nearturn.db", faults)


@pytest.mark.e2e
@pytest.mark.slow
async def test_a_load_lives_through_reads_that_fail(tmp_path: Path) -> None:
    """
    Twelve callers, rounds and timers, while one read in so many fails, five times.

    The server began with the store, so its writer has no page of it yet, and reads too.
    """
    load = KillLoad(20_261_127)
    store = tmp_path / "nearturn.db"
    with ServerProcess(tmp_path, "--log-level=warning") as server:
        await load.prepare(server.address)
        await load.run(server.address, 200, 0.0, server.kill)
        server.start()
        for turn, step in enumerate((11, 31, 101, 211, 401)):
            fault = f"pread64:error=EIO:when=2+{step}"
            log = tmp_path / f"calls{turn}"
            failing = FailingCalls(fault, log, _files(store))
            with failing.of(server.pid):
                # Until a caller has tried five times in vain, or so many answers.
                await load.run(server.address, 100, 0.0, lambda: None)
            assert failing.hits() >= 5
            await load.check_answers(server.address)
        server.kill()
        assert '"level": "error"' not in server.logged()
    audit = StoreAudit.of(server.store_url)
    audit.check()
    load.told.check(audit)
    assert check_store(store, is_quick=False, with_proofs=True, limit=9).is_sound


def _numbered(path: Path) -> None:
    with closing(open_numbered(f"sqlite:///{path}")) as store:
        commit_number(store, 1)


# (what is done, which reads fail). An opening, with all that it loads, is about 55
# reads, a commit that is read back is about 60, a backup with its check is about 75.
READS = (
    ("open", "3+67"),
    ("open", "20+71"),
    ("open", "40+61"),
    ("read", "3+41"),
    ("read", "5+97"),
    ("backup", "5+101"),
    ("backup", "11+163"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("what", "which"), READS)
def test_failing_reads_of_the_store_are_survived(
    tmp_path: Path, what: str, which: str
) -> None:
    """One read in so many fails, others each time: an error, and the next works."""
    path = tmp_path / "store.db"
    _numbered(path)
    fault = f"pread64:error=EIO:when={which}"
    failing = FailingCalls(fault, tmp_path / "calls", _files(path))
    program = (sys.executable, "-m", "tests.fault.failing_io", what, str(path))
    done = _run(*failing.command, *program)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert int(done.stdout) >= 2
    assert failing.hits() >= 2
    for died in tmp_path.glob("died-*.db"):
        before = int(died.stem.rpartition("-")[2])
        with closing(open_numbered(f"sqlite:///{died}")) as store:
            assert last_commit(store) in (before, before + 1)
    with closing(open_numbered(f"sqlite:///{path}")) as store:
        assert last_commit(store) == (8 if what == "read" else 1)


def _serve(path: Path) -> tuple[str, ...]:
    url = ("--store-url", f"sqlite:///{path}")
    return ("serve", "--insecure", "--listen", "127.0.0.1:0", *url)


def _check(path: Path) -> tuple[str, ...]:
    return ("store", "check", "--store-url", f"sqlite:///{path}")


def _back_up(path: Path) -> tuple[str, ...]:
    target = str(path.with_name("backup.db"))
    return ("store", "backup", target, "--store-url", f"sqlite:///{path}")


# (a command, which reads fail): the first and all behind it, or from within.
COMMANDS = (
    pytest.param(_serve, "1+", marks=_traced),
    pytest.param(_check, "25+", marks=_traced),
    *(
        pytest.param(*each, marks=pytest.mark.slow)
        for each in (
            (_serve, "25+"),
            (_check, "1+"),
            (_back_up, "1+"),
            (_back_up, "25+"),
        )
    ),
)


@pytest.mark.e2e
@pytest.mark.parametrize(("command", "which"), COMMANDS)
def test_commands_that_cannot_read_name_the_store_and_no_damage(
    tmp_path: Path, command: Callable[[Path], tuple[str, ...]], which: str
) -> None:
    """
    One line, exit code 2, and no file is left behind.

    Whoever is told that a sound store is damaged puts an old backup in its place.
    """
    path = tmp_path / "store.db"
    _numbered(path)
    fault = f"pread64:error=EIO:when={which}"
    failing = FailingCalls(fault, tmp_path / "calls", _files(path))
    program = (sys.executable, "-c", "from server.cli import main; main()")
    done = _run(*failing.command, *program, *command(path))
    assert failing.hits() >= 1
    assert done.returncode == 2, done.stdout + done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"error: store {path}: cannot "), done.stderr
    assert "disk I/O error" in last or "or a read of it failed" in last
    assert "damaged" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not [*tmp_path.glob("backup*")]
    assert check_store(path, is_quick=False, with_proofs=True, limit=9).faults == ()


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
