"""VerifyRound: the stored proof without the solver, and the round lived again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import grpc
import pytest

from matcher.engine.proof import pack, unpack
from matcher.engine.records import RoundRecord
from nearturn.v1 import match_service_pb2 as pb
from server.runtime.runtime import Runtime
from server.storage.sql_store import SqlStore
from tests.contract.api_target import TENANT, Api, ApiError
from tests.contract.messages import activate, demand, return_item, submit, upsert

ROUND = "r-000000000001"


async def _round(api: Api) -> None:
    await activate(api)
    await upsert(api, demand("d1", 1_000), demand("d2", 90_000))
    await submit(api, return_item("r1"), return_item("r2", 2_000))
    await api(pb.RunRoundRequest())


async def test_a_round_is_verified(api: Api):
    """What the proof holds, counted; nothing is lived again unless asked for (I6)."""
    await _round(api)
    found = await api(pb.VerifyRoundRequest(round_id=ROUND))
    assert found.verified
    assert not found.fault
    assert found.round.round_id == ROUND
    assert found.round.certificate.saving_micros == 5_990_000
    assert found.round.certificate.gap_micros == 0
    counts = (
        found.return_count,
        found.demand_count,
        found.candidate_count,
        found.match_count,
    )
    assert counts == (2, 1, 2, 1)
    assert not found.HasField("replay")


async def test_a_round_lived_again_is_the_same(api: Api):
    """Decisions, summary and proof, byte for byte."""
    await _round(api)
    found = await api(pb.VerifyRoundRequest(round_id=ROUND, replay=True))
    assert found.replay.identical
    assert found.replay.proof_identical
    assert found.replay.decision_count == 2
    assert not found.replay.differing_decision_ids


async def test_a_round_that_is_not_there(api: Api):
    """NOT_FOUND, with and without a replay; an id that is none breaks a rule."""
    await _round(api)
    for replay in (False, True):
        with pytest.raises(ApiError) as refused:
            await api(pb.VerifyRoundRequest(round_id="r-9", replay=replay))
        assert refused.value.code is grpc.StatusCode.NOT_FOUND
    with pytest.raises(ApiError) as refused:
        await api(pb.VerifyRoundRequest())
    assert list(refused.value.violations) == ["round_id"]


def _stored(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let the store give the round with something else in it."""
    honest = SqlStore.round

    def other(self: SqlStore, *arguments: Any) -> RoundRecord | None:
        found = honest(self, *arguments)
        return found and replace(found, **changes)

    monkeypatch.setattr(SqlStore, "round", other)


async def test_what_does_not_hold_is_told(
    api: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    """A proof that is damaged, that proves less, or that is about another total."""
    await _round(api)
    stored = runtime.store.round(TENANT, ROUND)
    assert stored is not None
    proof = unpack(stored.proof)
    for changes, fault in (
        ({"proof": b"rubbish"}, "damaged"),
        ({"proof": pack(_cheaper(proof))}, "more than their prices"),
        ({"saving_micros": 7}, "saving_micros: got 7; accepted: 5990000"),
    ):
        with monkeypatch.context() as patch:
            _stored(patch, **changes)
            found = await api(pb.VerifyRoundRequest(round_id=ROUND, replay=True))
        assert not found.verified
        assert fault in found.fault
        assert not found.replay.identical
        assert found.replay.proof_identical is ("saving_micros" in changes)


def _cheaper(proof: Any) -> Any:
    prices = [max(0, each - 1) for each in proof.demand_price]
    return type(proof)(
        **{
            name: prices if name == "demand_price" else getattr(proof, name)
            for name in proof.__struct_fields__
        }
    )


async def test_a_decision_that_differs_is_named(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    """The stored one says otherwise: its id is told."""
    await _round(api)
    honest = SqlStore.decision

    def other(self: SqlStore, tenant: Any, decision_id: Any) -> Any:
        found = honest(self, tenant, decision_id)
        if found is not None and found.match is not None:
            return replace(found, policy_version=9)
        return found

    monkeypatch.setattr(SqlStore, "decision", other)
    found = await api(pb.VerifyRoundRequest(round_id=ROUND, replay=True))
    assert found.verified
    assert not found.replay.identical
    assert found.replay.proof_identical
    assert len(found.replay.differing_decision_ids) == 1


async def test_looking_back_has_a_budget(api: Api, runtime: Runtime):
    """What takes too long is RESOURCE_EXHAUSTED, by the name of the setting."""
    await _round(api)
    runtime._hindsight._budget_us = 1
    with pytest.raises(ApiError) as refused:
        await api(pb.VerifyRoundRequest(round_id=ROUND, replay=True))
    assert refused.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "replay_budget_ms" in str(refused.value)
