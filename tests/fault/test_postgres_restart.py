"""PostgreSQL crashes under a server that goes on: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

import pytest

from tests.fault.kill_load import KillLoad
from tests.scenarios.postgres_server import PostgresServer
from tests.scenarios.server_process import ServerProcess
from tests.scenarios.store_audit import StoreAudit

_CRASHES = 5
_SEED = 20_180_507


@pytest.mark.e2e
async def test_server_outlives_crashes_of_its_database(tmp_path: Path) -> None:
    """
    Five immediate shutdowns under load, of PostgreSQL alone (R2, I1 to I4, I12).

    Calls that were cut off get UNAVAILABLE. The same process answers again as soon as
    the database is back, repeats its answers, and is stopped in the end to be audited.
    """
    moments = random.Random(_SEED)
    load = KillLoad(_SEED)
    with (
        PostgresServer() as database,
        ServerProcess(
            tmp_path, "--log-level=warning", store_url=database.new_database()
        ) as server,
    ):
        await load.prepare(server.address)
        pid = server.pid
        for crash in range(_CRASHES):
            if crash:
                await load.check_answers(server.address)
            moment = moments.randint(30, 90), moments.uniform(0, 0.01)
            await load.run(server.address, *moment, database.restart)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
        assert server.pid == pid
        assert '"level": "error"' not in server.logged()
        assert "Traceback" not in server.logged()
        audit = StoreAudit.of(server.store_url)
        audit.check()
        load.told.check(audit)
    assert load.told.met_in_flight >= _CRASHES
    assert len(audit.rounds) >= _CRASHES
