"""The server is killed at any moment under load: nothing acknowledged is lost."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from matcher.domain.match import HoldState
from matcher.domain.shadow import ShadowState
from tests.fault.kill_load import KillLoad
from tests.scenarios.server_process import ServerProcess
from tests.scenarios.store_audit import StoreAudit

KILLS = 10
SEED = 20_180_507


@pytest.mark.e2e
async def test_acknowledged_writes_survive_ten_kills(
    tmp_path: Path, store_url: str
) -> None:
    """
    SIGKILL under load, ten times, on one store of each kind (R2, I1 to I4, I6).

    Each time it comes up to 10 ms after the 30th to 90th answer. The store is read and
    checked by itself then; the next server goes on with it, repeats its answers and
    takes more load.
    """
    moments = random.Random(SEED)
    load = KillLoad(SEED)
    with ServerProcess(tmp_path, "--log-level=warning", store_url=store_url) as server:
        await load.prepare(server.address)
        for kill in range(KILLS):
            if kill:
                server.start()
                await load.check_answers(server.address)
            moment = moments.randint(30, 90), moments.uniform(0, 0.01)
            await load.run(server.address, *moment, server.kill)
            audit = StoreAudit.of(server.store_url)
            audit.check()
            load.told.check(audit)
        assert "error" not in server.logged()
    told = load.told
    # It was a load: calls were cut off, and every kind of promise had been made.
    assert told.met_in_flight >= KILLS
    assert min(map(len, (told.confirmed, told.released, told.evidence))) >= KILLS
    assert told.rounds
    assert len(audit.rounds) >= KILLS
    states = {each.hold_state for each in audit.matches.values()}
    assert states >= {HoldState.CONFIRMED, HoldState.RELEASED, HoldState.EXPIRED}
    shadows = Counter(each.state for each in audit.shadows.values())
    assert shadows[ShadowState.MATCHED] >= KILLS
