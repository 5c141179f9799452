"""Backups of a server under load: each is a state that was committed at one instant."""

from __future__ import annotations

import asyncio
import copy
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fault.kill_load import KillLoad, Told
from tests.scenarios.server_process import ServerProcess
from tests.scenarios.store_audit import StoreAudit

BACKUPS = 2
SEED = 20_261_126

_MAIN = (sys.executable, "-c", "from server.cli import main; main()", "store")


async def _store(*arguments: str) -> str:
    """Run `nearturn store` in a process of its own, as an operator would."""
    process = await asyncio.create_subprocess_exec(
        *_MAIN, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


@pytest.mark.e2e
async def test_backups_under_load_are_committed_states(tmp_path: Path) -> None:
    """
    Two backups and checks beside twelve callers, then each restored and served (I4).

    What was acknowledged before a backup began is in it. Its log of decisions is the
    beginning of the log that the server ended with, so it is no mixture of two states;
    and a server goes on from it, with the same answers.
    """
    told: list[Told] = []
    with ServerProcess(tmp_path, "--log-level=warning") as server:
        load = KillLoad(SEED)
        await load.prepare(server.address)
        done = asyncio.Event()

        async def maintain() -> None:
            for number in range(BACKUPS):
                await asyncio.sleep(0.5)
                told.append(copy.deepcopy(load.told))
                file = str(tmp_path / f"{number}.db")
                await _store("backup", file, "--store-url", server.store_url)
                await _store("check", "--rounds", "--store-url", server.store_url)
            done.set()

        maintenance = asyncio.create_task(maintain())
        answers = 0
        while not done.is_set():
            # As many answers at a time; nothing is killed but the callers.
            await load.run(server.address, 60, 0.0, lambda: None)
            answers += 60
        await maintenance
        server.kill()
        assert "error" not in server.logged()
    whole = StoreAudit.of(server.store_url)
    whole.check()
    sizes = []
    for number, before in enumerate(told):
        place = tmp_path / f"again-{number}"
        place.mkdir()
        again = ServerProcess(place, "--log-level=warning")
        said = await _store(
            *("restore", str(tmp_path / f"{number}.db")),
            *("--store-url", again.store_url),
        )
        assert re.search(r"restored: .*, revision \d+\n$", said)
        audit = StoreAudit.of(again.store_url)
        audit.check()
        before.check(audit)
        assert audit.decisions == whole.decisions[: len(audit.decisions)]
        sizes.append(len(audit.decisions))
    # Each is of a later instant, and the load went on after the last.
    assert sizes == sorted(set(sizes))
    assert sizes[0] > 0
    assert sizes[-1] < len(whole.decisions)
    with again:
        load.told = told[-1]
        await load.check_answers(again.address)
        await load.run(again.address, 30, 0.0, again.kill)
    StoreAudit.of(again.store_url).check()
