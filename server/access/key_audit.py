"""Changes of the file of keys, noted in the audit log whoever made them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from matcher.domain.errors import NearturnError
from matcher.domain.ids import TenantId
from server.access.api_keys import ApiKey, ApiKeys, micros
from server.runtime.runtime import Runtime
from server.storage.audit_entry import KEY_ACTIONS, AuditAction, AuditEntry
from server.storage.store import Store

log = structlog.get_logger(__name__)

_INTERVAL_S = 1.0
_ENTRIES_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What the log said last of a key."""

    action: AuditAction
    note: str


def key_changes(
    known: dict[str, KnownKey], keys: Iterable[ApiKey], now_us: int
) -> list[AuditEntry]:
    """
    Return what happened to keys since the log was written, oldest first.

    Parameters
    ----------
    known
        What it said last of each key, by id.
    keys
        The keys of one tenant as the file has them.
    now_us
        When it was noticed: of what the file does not say when.
    """
    entries: list[AuditEntry] = []
    present = set()
    for key in keys:
        present.add(key.key_id)
        before, note = known.get(key.key_id), _described(key)
        is_new = before is None or before.action is AuditAction.API_KEY_REMOVED
        was_revoked = (
            before is not None and before.action is AuditAction.API_KEY_REVOKED
        )

        def noted(
            at_us: int,
            by: str,
            action: AuditAction,
            key_id: str = key.key_id,
            note: str = note,
        ) -> AuditEntry:
            return AuditEntry(at_us, f"file:{by}", action, key_id, note=note)

        if is_new:
            at_us = micros(key.created_time)
            entries.append(noted(at_us, key.created_by, AuditAction.API_KEY_CREATED))
        elif before is not None and (
            before.note != note or (was_revoked and key.revoke_time is None)
        ):
            entries.append(noted(now_us, "", AuditAction.API_KEY_CHANGED))
            was_revoked = False
        if key.revoke_time is not None and (is_new or not was_revoked):
            at_us = micros(key.revoke_time)
            entries.append(noted(at_us, key.revoked_by, AuditAction.API_KEY_REVOKED))
    for key_id, before in known.items():
        is_gone = before.action is AuditAction.API_KEY_REMOVED
        if key_id not in present and not is_gone:
            action = AuditAction.API_KEY_REMOVED
            entries.append(
                AuditEntry(now_us, "file:", action, key_id, note=before.note)
            )
    return entries


def _described(key: ApiKey) -> str:
    # The hash of the hash: another secret under the same id shows, and opens nothing.
    print_of = hashlib.sha256(key.secret_sha256.encode()).hexdigest()[:12]
    ends = key.expire_time.isoformat() if key.expire_time else "never"
    roles = ",".join(sorted(key.roles))
    return f"roles {roles}; expires {ends}; fingerprint {print_of}; {key.note}"


class KeyAudit:
    """
    Looks at the keys every second, and notes those of tenants it decides for.

    Parameters
    ----------
    keys
        Gives the keys as the server takes them.
    tenants
        Whose keys are noted; those of others are noted by their servers.
    """

    def __init__(
        self, keys: Callable[[], ApiKeys], tenants: Sequence[TenantId]
    ) -> None:
        self._keys = keys
        self._tenants = tenants
        # What was noted of each tenant that this server decides for.
        self._seen: dict[TenantId, ApiKeys] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self, runtime: Runtime) -> None:
        """Begin to look; once more is no harm."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch(runtime), name="key audit")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _watch(self, runtime: Runtime) -> None:
        while True:
            await self._look(runtime)
            await asyncio.sleep(_INTERVAL_S)

    async def _look(self, runtime: Runtime) -> None:
        keys, held = self._keys(), runtime.state().epochs
        for tenant in self._tenants:
            # Whoever decides for a tenant notes it; a standby reads nothing meanwhile.
            if tenant in held and keys is not self._seen.get(tenant):
                await self._tried(runtime, tenant, keys)

    async def _tried(self, runtime: Runtime, tenant: TenantId, keys: ApiKeys) -> None:
        try:
            await self._note(runtime, tenant, keys)
        except NearturnError as error:
            # Another server has just taken the shard, or the store is away: it will be
            # noted by whoever has it, from what the log says by then.
            log.debug("key_audit_waits", tenant=tenant, error=str(error))

    async def _note(self, runtime: Runtime, tenant: TenantId, keys: ApiKeys) -> None:
        known = await runtime.read(lambda store: known_keys(store, tenant))
        ours = [key for key in keys.by_id.values() if key.tenant == tenant]
        entries = key_changes(known, ours, runtime.now_us())
        if entries:
            await runtime.note(tenant, entries)
        self._seen[tenant] = keys


def known_keys(store: Store, tenant: TenantId) -> dict[str, KnownKey]:
    """Return what the log said last of each key."""
    known: dict[str, KnownKey] = {}
    last = 0
    while True:
        entries = store.list_audit_entries(
            tenant, after_number=last, limit=_ENTRIES_AT_ONCE
        )
        for entry in entries:
            last = entry.number
            if entry.action in KEY_ACTIONS:
                known[entry.target] = KnownKey(entry.action, entry.note)
        if len(entries) < _ENTRIES_AT_ONCE:
            return known
