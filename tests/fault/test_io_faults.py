"""A full disk, failing writes and failing syncs: refused, and nothing is lost."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import grpc
import pytest

from nearturn import Client
from nearturn.v1 import demand_service_pb2 as demands
from tests.contract.messages import demand, timestamp
from tests.fault.failing_calls import FailingCalls, tool
from tests.fault.numbered_commits import commit_number, last_commit, open_numbered
from tests.scenarios import DAY_US
from tests.scenarios.server_process import ServerProcess, now_us
from tests.scenarios.store_audit import StoreAudit

ROOT = Path(__file__).resolve().parents[2]

_TROUBLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)

# (what is done, the fault: a call, what it fails with, the first and every so many).
# Steps longer than a commit, so that some work, and of no common measure with it, so
# that other calls of it are met each time.
CALLS = (
    ("commit", "pwrite64:error=EIO:when=3+83"),
    ("commit", "pwrite64:error=ENOSPC:when=5+97"),
    ("commit", "fdatasync:error=EIO:when=2+2"),
    ("backup", "pwrite64:error=EIO:when=7+211"),
    ("backup", "pwrite64:error=ENOSPC:when=11+163"),
    ("backup", "fsync:error=EIO:when=2+7"),
    ("backup", "rename:error=EIO:when=2+3"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("what", "fault"), CALLS)
def test_failing_calls_of_the_store_are_survived(
    tmp_path: Path, what: str, fault: str
) -> None:
    """
    One call in so many fails: an error, the last commit stays, and the next works.

    Had the process died at a refusal, the commit would be there whole or not at all.
    """
    path = tmp_path / "store.db"
    with closing(open_numbered(f"sqlite:///{path}")) as store:
        commit_number(store, 1)
    failing = FailingCalls(fault, tmp_path / "calls")
    program = (sys.executable, "-m", "tests.fault.failing_io", what, str(path))
    done = subprocess.run(
        (*failing.command, *program),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert int(done.stdout) >= 2
    for died in tmp_path.glob("died-*.db"):
        before = int(died.stem.rpartition("-")[2])
        with closing(open_numbered(f"sqlite:///{died}")) as store:
            assert last_commit(store) in (before, before + 1)
    with closing(open_numbered(f"sqlite:///{path}")) as store:
        assert last_commit(store) == (8 if what == "commit" else 1)


def _upsert(client: Client, name: str) -> None:
    late = timestamp(now_us() + DAY_US)
    client.demands.BatchUpsertDemands(
        demands.BatchUpsertDemandsRequest(
            demands=[demand(f"{name}-{n}", ship_by_time=late) for n in range(20)]
        )
    )


def _is_there(client: Client, name: str) -> bool:
    try:
        client.demands.GetDemand(demands.GetDemandRequest(demand_id=f"{name}-0"))
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        return False
    return True


def _live_through(
    server: ServerProcess, trouble: Callable[[], AbstractContextManager[None]]
) -> None:
    """Have the trouble come and go twice; end by a kill, and look at what is stored."""
    written: list[str] = []
    with server, Client(server.address) as client:
        for turn in range(2):
            _upsert(client, f"before{turn}")
            written.append(f"before{turn}")
            with trouble():
                written += _write_in_trouble(client, f"during{turn}")
                # Reads go on, of what was stored and of what was not.
                assert all(_is_there(client, each) for each in written)
                assert not _is_there(client, "never")
            # The server needs no restart: the very next call is stored.
            _upsert(client, f"after{turn}")
            written.append(f"after{turn}")
        server.kill()
    audit = StoreAudit.of(server.store_url)
    audit.check()
    stored = {each.rpartition("-")[0] for each in audit.demands}
    assert stored == set(written)
    assert len(audit.demands) == 20 * len(stored)


def _write_in_trouble(client: Client, name: str) -> list[str]:
    """Write until four calls are refused; return what was acknowledged before."""
    written: list[str] = []
    refused = 0
    while refused < 4:
        assert len(written) < 500, "nothing is refused"
        each = f"{name}.{len(written)}"
        try:
            _upsert(client, each)
        except grpc.RpcError as error:
            if error.code() not in _TROUBLE:
                raise
            refused += 1
        else:
            written.append(each)
    return written


@pytest.mark.e2e
def test_a_server_lives_through_files_that_may_not_grow(tmp_path: Path) -> None:
    """The system refuses every byte past a size, as a full disk does; then no more."""
    server = ServerProcess(tmp_path, "--log-level=error", "--no-timers")

    @contextmanager
    def full() -> Iterator[None]:
        size = max(each.stat().st_size for each in tmp_path.glob("nearturn.db*"))
        unlimited = resource.RLIM_INFINITY
        limit = resource.RLIMIT_FSIZE
        resource.prlimit(server.pid, limit, (size + 20_000, unlimited))
        yield
        resource.prlimit(server.pid, limit, (unlimited, unlimited))

    _live_through(server, full)


@pytest.mark.e2e
@pytest.mark.slow
def test_a_server_lives_through_a_full_disk(tmp_path: Path) -> None:
    """A file system of 4 MB is filled up by somebody else, who then takes it back."""
    assert os.geteuid() == 0, "mounting a small tmpfs needs root"
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = (tool("mount"), "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk))
    subprocess.run(mount, check=True)
    try:
        server = ServerProcess(disk, "--log-level=error", "--no-timers")
        _live_through(server, lambda: _filled(disk))
    finally:
        subprocess.run((tool("umount"), str(disk)), check=True)


@contextmanager
def _filled(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4_096)) == 4_096:
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    yield
    filler.unlink()


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", ["pwrite64:error=ENOSPC", "pwrite64:error=EIO", "fdatasync:error=EIO"]
)
def test_a_server_lives_through_failing_calls(tmp_path: Path, fault: str) -> None:
    """Every write, or every sync, of the store fails for a while."""
    server = ServerProcess(tmp_path, "--log-level=error", "--no-timers")
    failing = FailingCalls(fault, tmp_path / "calls")
    _live_through(server, lambda: failing.of(server.pid))
