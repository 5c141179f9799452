"""What happened to keys, told from their file and from what the log says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from matcher.domain.ids import TenantId
from server.access.api_key_file import ApiKeyFile, KeyOrder
from server.access.api_keys import ApiKey, ApiKeys
from server.access.key_audit import KeyAudit, KnownKey, key_changes
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.audit_entry import AuditAction, AuditEntry
from server.storage.opening import open_store
from tests.scenarios import NOW_US


class Log:
    """A log that is written to as a server does."""

    def __init__(self) -> None:
        self.known: dict[str, KnownKey] = {}

    def noted(self, *keys: ApiKey, now_us: int = NOW_US) -> list[AuditEntry]:
        """Note what happened and return it; after that nothing is left to note."""
        entries = key_changes(self.known, keys, now_us)
        for entry in entries:
            self.known[entry.target] = KnownKey(entry.action, entry.note)
        assert key_changes(self.known, keys, now_us) == []
        return entries


@pytest.fixture
def key(tmp_path: Path) -> ApiKey:
    """Make a key."""
    file = ApiKeyFile(tmp_path / "keys.json", "ann")
    file.create(KeyOrder("brand", ("submit", "read"), "orders"), NOW_US - 7)
    return file.read()[0]


def revoked(key: ApiKey) -> ApiKey:
    """Return the key as it is once it is revoked."""
    return msgspec.structs.replace(key, revoke_time=key.created_time, revoked_by="bob")


def test_a_key_is_noted_when_it_was_made_and_by_whom(key: ApiKey):
    """With its roles, and no hash of its secret."""
    (entry,) = Log().noted(key)
    assert entry.action is AuditAction.API_KEY_CREATED
    assert (entry.happened_us, entry.subject) == (NOW_US - 7, "file:ann")
    assert entry.target == key.key_id
    assert "roles read,submit" in entry.note
    assert key.secret_sha256 not in entry.note


def test_what_was_missed_is_noted_later(key: ApiKey):
    """Made and revoked between two looks: both, in their order."""
    entries = Log().noted(revoked(key))
    assert [each.action for each in entries] == [
        AuditAction.API_KEY_CREATED,
        AuditAction.API_KEY_REVOKED,
    ]
    assert entries[1].subject == "file:bob"


@pytest.mark.parametrize(
    "change",
    [
        {"roles": ("admin",)},
        {"secret_sha256": "0" * 64},
        {"note": "other"},
        {"expire_time": None, "note": "for ever"},
    ],
)
def test_a_change_by_hand_is_noted_as_such(key: ApiKey, change: dict[str, object]):
    """Another secret under the same id, too; nobody knows who it was."""
    log = Log()
    log.noted(key)
    (entry,) = log.noted(msgspec.structs.replace(key, **change), now_us=NOW_US + 1)
    assert entry.action is AuditAction.API_KEY_CHANGED
    assert (entry.happened_us, entry.subject) == (NOW_US + 1, "file:")


def test_a_key_that_holds_again_or_is_gone_is_noted(key: ApiKey):
    """Revoked, taken back by hand, revoked, gone, and there once more."""
    log = Log()
    actions = [
        entry.action
        for keys in ((key,), (revoked(key),), (key,), (revoked(key),), (), (key,))
        for entry in log.noted(*keys)
    ]
    assert actions == [
        AuditAction.API_KEY_CREATED,
        AuditAction.API_KEY_REVOKED,
        AuditAction.API_KEY_CHANGED,
        AuditAction.API_KEY_REVOKED,
        AuditAction.API_KEY_REMOVED,
        AuditAction.API_KEY_CREATED,
    ]


async def test_whoever_decides_notes_the_keys_and_a_standby_reads_nothing(
    key: ApiKey, tmp_path: Path
):
    """The log may be long, and a standby looks every second."""
    tenant = TenantId("brand")
    audit = KeyAudit(lambda: ApiKeys.of([key]), [tenant])
    runtime = Runtime(
        open_store(f"sqlite:///{tmp_path / 'test.db'}"),
        clock=lambda: NOW_US,
        options=RuntimeOptions(tenants=(tenant,), runs_timers=False),
    )

    async def noted() -> list[AuditEntry]:
        await asyncio.wait_for(audit._look(runtime), 10)
        return await runtime.read(
            lambda store: list(
                store.list_audit_entries(tenant, after_number=0, limit=10)
            )
        )

    # Nobody works yet: noting would wait for good, and must not come so far.
    assert await noted() == []
    await runtime.start()
    (entry,) = await noted()
    assert (entry.action, entry.target) == (AuditAction.API_KEY_CREATED, key.key_id)
    assert await noted() == [entry]
    await runtime.stop()
