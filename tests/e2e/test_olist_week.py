"""A real week of orders through a real server, which is killed in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np
import pytest
from typer.testing import CliRunner

from matcher.domain.ids import MatchId
from matcher.domain.match import HoldState
from matcher.engine.proof import unpack
from matcher.solve import CandidateGraph
from nearturn.async_client import AsyncClient
from nearturn.v1 import (
    decision_pb2,
    explain_service_pb2,
    match_service_pb2,
    return_service_pb2,
)
from server.cli.app import app
from tests.oracle.flow_assignment import flow_assignment
from tests.scenarios.server_process import ServerProcess
from tests.scenarios.store_audit import StoreAudit

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("NEARTURN_DATA", ROOT.parent / "shared" / "data"))
ORDERS = DATA / "olist" / "order_items.parquet"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.real_data,
    pytest.mark.skipif(not ORDERS.is_file(), reason="the real orders are not here"),
]


class _Week(NamedTuple):
    """The files of a week that ends now."""

    folder: Path
    demand_count: int
    return_count: int


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> _Week:
    """Prepare the week of 7 May 2018, half of whose deliveries come back."""
    folder = tmp_path_factory.mktemp("week")
    command = (
        *(sys.executable, ROOT / "examples" / "olist" / "prepare.py"),
        *("--orders", ORDERS, "--out", folder, "--week", "2018-05-07", "--seed", "7"),
        *("--returns-share", "0.5", "--end-at", f"{datetime.now(UTC):%FT%TZ}"),
    )
    subprocess.run(command, check=True, capture_output=True)
    summary = json.loads((folder / "summary.json").read_text())
    return _Week(folder, summary["demands"], summary["returns"])


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def _load(address: str, week: _Week, policy: Path) -> None:
    _run(
        *("load", "--server", address, "--policy", str(policy)),
        *("--acknowledge", "CATEGORY", "--acknowledge", "rollout"),
        *("--signed-off-by", "lead"),
        *("--demands", str(week.folder / "demands.parquet")),
        *("--returns", str(week.folder / "returns.parquet")),
        *("--warehouses", str(week.folder / "warehouses.parquet")),
    )


def _planned(week: _Week, policy: Path, at: datetime) -> dict[str, Any]:
    summary = _run(
        *("plan", "--json", "--policy", str(policy), "--at", f"{at:%FT%TZ}"),
        *("--demands", str(week.folder / "demands.parquet")),
        *("--returns", str(week.folder / "returns.parquet")),
        *("--warehouses", str(week.folder / "warehouses.parquet")),
    )
    found: dict[str, Any] = json.loads(summary)
    return found


async def test_a_real_week_survives_its_server(week: _Week, tmp_path: Path) -> None:
    """
    Load, match, confirm, release, kill in a round, go on: I1 to I4, I6 to I8 (R2, R38).

    The first round has the candidates of `nearturn plan` on the same files, and
    OR-Tools finds no better total on the graph of any round. Of the matches a third is
    confirmed and a third released.
    """
    policy = week.folder / "policy-category-100km.json"
    with ServerProcess(tmp_path, "--no-timers", "--log-level=warning") as server:
        _load(server.address, week, policy)
        async with AsyncClient(server.address) as client:
            first = (await _round(client)).round
            matched = await _matched(client)
            assert len(matched) == first.matched_count
            confirmed, released = matched[::3], matched[1::3]
            for match_id in confirmed:
                await _confirm(client, match_id)
            for match_id in released:
                await _release(client, match_id)
            told = await _explained(client)
            await _killed_in_a_round(client, server, matched[2::3])
        audit = StoreAudit.of(server.store_url)
        audit.check()
        assert len(audit.demands) == week.demand_count
        assert len(audit.returns) == week.return_count
        _check_holds(audit, confirmed, HoldState.CONFIRMED)
        _check_holds(audit, released, HoldState.RELEASED)
        server.start()
        async with AsyncClient(server.address) as client:
            await _check_told(client, audit, told)
            last = (await _round(client)).round
            assert last.certificate.verified
            untouched = [each.match_id for each in audit.promised()]
            _check_kept(await _explained(client), untouched)
        server.kill()
    audit = StoreAudit.of(server.store_url)
    audit.check()
    # Nobody meets a buyer again whom the match was released from.
    pairs = [(each.return_id, each.demand_id) for each in audit.matches.values()]
    assert len(set(pairs)) == len(pairs)
    _check_against_others(audit, first, _planned(week, policy, _start(first)))


def _start(closed: Any) -> datetime:
    return closed.start_time.ToDatetime(UTC)


def _check_against_others(
    audit: StoreAudit, first: Any, planned: dict[str, Any]
) -> None:
    assert first.matched_count == planned["matched"] > 20
    assert first.candidate_count == planned["candidates"]
    # Items that never qualified have filled some warehouses already, as they cannot
    # in a plan of all at once: the ordinary way is dearer, and no pair saves less.
    assert first.certificate.saving_micros >= planned["saving_micros"]
    for record in audit.rounds.values():
        proof = unpack(record.proof)
        graph = CandidateGraph(
            np.array(proof.row_offsets, np.int64),
            np.array(proof.columns, np.int32),
            np.array(proof.saving, np.int64),
            np.array(proof.capacity, np.int32),
        )
        assert flow_assignment(graph) == record.saving_micros


def _check_holds(audit: StoreAudit, ids: list[str], state: HoldState) -> None:
    assert ids
    assert {audit.matches[MatchId(each)].hold_state for each in ids} == {state}


async def _check_told(
    client: AsyncClient, audit: StoreAudit, told: dict[str, Any]
) -> None:
    # What was said of a return before the kill is said after it, word for word.
    again = await _explained(client)
    assert again.keys() == told.keys()
    latest = {each.return_id: each.decision_id for each in audit.latest().values()}
    for return_id, answer in told.items():
        if answer.decision.decision_id == latest[return_id]:
            assert again[return_id].summary == answer.summary
            assert again[return_id].gates == answer.gates


def _check_kept(explained: dict[str, Any], match_ids: list[MatchId]) -> None:
    # A promise that was made before the kill is a promise after it.
    kept = {each.decision.match.match_id for each in explained.values()}
    assert kept >= set(match_ids)


async def _killed_in_a_round(
    client: AsyncClient, server: ServerProcess, match_ids: list[str]
) -> None:
    calls = [
        asyncio.ensure_future(_round(client)),
        *(asyncio.ensure_future(_release(client, each)) for each in match_ids),
    ]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    server.kill()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    lost = [each for each in ended if isinstance(each, grpc.aio.AioRpcError)]
    assert lost, "nothing was on its way"
    assert {each.code() for each in lost} == {grpc.StatusCode.UNAVAILABLE}


async def _round(client: AsyncClient) -> Any:
    return await client.matches.RunRound(match_service_pb2.RunRoundRequest())


async def _confirm(client: AsyncClient, match_id: str) -> Any:
    request = match_service_pb2.ConfirmMatchRequest(match_id=match_id)
    return await client.matches.ConfirmMatch(request)


async def _release(client: AsyncClient, match_id: str) -> Any:
    request = match_service_pb2.ReleaseMatchRequest(match_id=match_id)
    return await client.matches.ReleaseMatch(request)


async def _matched(client: AsyncClient) -> list[str]:
    request = match_service_pb2.WatchDecisionsRequest(stop_at_end=True)
    return [
        each.decision.match.match_id
        async for each in client.matches.WatchDecisions(request)
        if each.decision.outcome == decision_pb2.OUTCOME_MATCHED
    ]


async def _explained(client: AsyncClient) -> dict[str, Any]:
    listed = await client.returns.ListReturns(
        return_service_pb2.ListReturnsRequest(page_size=1_000)
    )
    assert not listed.next_page_token
    return {
        each.return_id: await client.explain.ExplainDecision(
            explain_service_pb2.ExplainDecisionRequest(return_id=each.return_id)
        )
        for each in listed.return_items
    }
