"""The policy versions of a tenant, and which one is in force."""

from __future__ import annotations

from dataclasses import replace

from matcher.domain.errors import NotFoundError
from matcher.domain.policy import Policy, PolicyState
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger
from matcher.engine.records import PolicyRecord


class PolicyBook:
    """Numbered, immutable versions; at most one is active."""

    def __init__(self, ledger: Ledger, rows: LiveRows) -> None:
        self._ledger = ledger
        self._records = {record.policy.version: record for record in rows.policies}
        self._active: PolicyRecord | None = next(
            (r for r in rows.policies if r.state is PolicyState.ACTIVE), None
        )

    @property
    def active(self) -> Policy | None:
        """The version in force; without one nothing is matched."""
        return self._active.policy if self._active else None

    def create(
        self, policy: Policy, now_us: int, *, validate_only: bool
    ) -> PolicyRecord:
        """Store a version under the next number, or say what would be stored."""
        version = max(self._records, default=0) + 1
        numbered = replace(policy, version=version)
        record = PolicyRecord(numbered, PolicyState.CREATED, now_us)
        if not validate_only:
            self._keep(record)
        return record

    def activate(self, version: int, now_us: int) -> PolicyRecord:
        """
        Put a version in force, retiring the one before.

        Raises
        ------
        NotFoundError
            If there is no such version.
        """
        record = self._records.get(version)
        if record is None:
            raise NotFoundError("policy", str(version))
        if record.state is PolicyState.ACTIVE:
            return record
        if self._active is not None:
            self._keep(replace(self._active, state=PolicyState.RETIRED))
        self._active = replace(record, state=PolicyState.ACTIVE, activated_us=now_us)
        self._keep(self._active)
        return self._active

    def _keep(self, record: PolicyRecord) -> None:
        self._records[record.policy.version] = record
        self._ledger.changes.policies[record.policy.version] = record
