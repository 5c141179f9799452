"""AccessService: who changed policies and the program, stored with the change."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nearturn.client import request_id
from nearturn.v1 import access_service_pb2 as access
from nearturn.v1 import policy_service_pb2 as pb
from nearturn.v1 import privacy_service_pb2 as privacy
from server.runtime.runtime import Runtime
from tests.contract.api_target import Api, ApiError, HandClock
from tests.contract.conftest import STORE
from tests.contract.messages import activation, demand, policy, timestamp, upsert


async def entries(api: Api) -> Sequence[Any]:
    """Return the whole log."""
    return list((await api(access.ListAuditEntriesRequest())).entries)


async def test_each_change_is_noted_with_its_versions(api: Api, clock: HandClock):
    """From creation to rollback and pause: action, versions, target, note, time."""
    await api(pb.CreatePolicyRequest(policy=policy()))
    await api(activation(1))
    await api(pb.CreatePolicyRequest(policy=policy()))
    clock.now_us += 60_000_000
    await api(activation(2))
    await api(pb.RollbackPolicyRequest(note="complaints"))
    await api(pb.PauseProgramRequest(category="apparel", note="recall"))
    await api(pb.ResumeProgramRequest(category="apparel", note="over"))
    await api(privacy.ErasePersonalDataRequest(customer_id="c-9", note="ticket 7"))
    found = [
        (
            access.AuditAction.Name(each.action).removeprefix("AUDIT_ACTION_"),
            each.previous_version,
            each.version,
            each.target,
            each.note,
        )
        for each in await entries(api)
    ]
    assert found == [
        ("POLICY_CREATED", 0, 1, "", ""),
        ("POLICY_ACTIVATED", 0, 1, "", ""),
        ("POLICY_CREATED", 1, 2, "", ""),
        ("POLICY_ACTIVATED", 1, 2, "", ""),
        ("POLICY_ROLLED_BACK", 2, 1, "", "complaints"),
        ("PROGRAM_PAUSED", 1, 1, "apparel", "recall"),
        ("PROGRAM_RESUMED", 1, 1, "apparel", "over"),
        ("PERSONAL_DATA_ERASED", 1, 1, "", "ticket 7"),
    ]
    log = await entries(api)
    assert [each.number for each in log] == list(range(1, 9))
    assert log[3].happened_time == timestamp(clock.now_us)
    assert log[2].happened_time == timestamp(clock.now_us - 60_000_000)


async def test_what_changes_nothing_is_not_noted(api: Api):
    """A trial, a refusal, a repetition, and what is no matter of policy."""
    await upsert(api, demand("d1"))
    await api(pb.CreatePolicyRequest(policy=policy(), validate_only=True))
    with pytest.raises(ApiError):
        await api(activation(7))
    assert await entries(api) == []
    request = pb.CreatePolicyRequest(policy=policy(), request_id=request_id())
    assert await api(request) == await api(request)
    assert [each.version for each in await entries(api)] == [1]


async def test_the_log_comes_in_pages(api: Api):
    """Two and then one, by the token of the first page."""
    for _ in range(3):
        await api(pb.CreatePolicyRequest(policy=policy()))
    first = await api(access.ListAuditEntriesRequest(page_size=2))
    assert [each.number for each in first.entries] == [1, 2]
    rest = await api(
        access.ListAuditEntriesRequest(page_size=2, page_token=first.next_page_token)
    )
    assert [each.number for each in rest.entries] == [3]
    assert rest.next_page_token == ""


async def test_change_and_entry_are_stored_together_or_not_at_all(
    api: Api, runtime: Runtime, tmp_path: Path
):
    """A database that takes no entry takes no change either, and the next one does."""
    with sqlite3.connect(tmp_path / STORE) as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON audit_log "
            "BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    other.close()
    with pytest.raises(ApiError):
        await api(pb.CreatePolicyRequest(policy=policy()))
    assert (await api.stored_counts())["policies"] == 0
    with sqlite3.connect(tmp_path / STORE) as other:
        other.execute("DROP TRIGGER full")
    other.close()
    await api(pb.CreatePolicyRequest(policy=policy()))
    assert (await api.stored_counts())["policies"] == 1
    assert [each.number for each in await entries(api)] == [1]
