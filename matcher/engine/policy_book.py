"""The policy versions of a tenant, and which one is in force."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from matcher.domain.errors import NotFoundError, NotReadyError, StateConflictError
from matcher.domain.policy import Policy, PolicyState, StepLimits
from matcher.domain.policy_change import Dimension
from matcher.domain.program import SignOff
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger
from matcher.engine.program_book import ProgramBook
from matcher.engine.records import PolicyRecord
from matcher.engine.volume_book import VolumeBook
from matcher.policy.comparison import compare
from matcher.policy.readiness import shortfalls


class PolicyBook:
    """
    Numbered, immutable versions; at most one is active.

    Attributes
    ----------
    program
        Which versions were in force, and what is paused.
    volume
        The count of the volume cap; another cap starts it anew.
    """

    def __init__(self, ledger: Ledger, rows: LiveRows) -> None:
        self._ledger = ledger
        self.program = ProgramBook(ledger, rows)
        self.volume = VolumeBook(ledger, rows)
        self._records = {record.policy.version: record for record in rows.policies}
        self._active: PolicyRecord | None = next(
            (r for r in rows.policies if r.state is PolicyState.ACTIVE), None
        )

    @property
    def active(self) -> Policy | None:
        """The version in force; without one nothing is matched."""
        return self._active.policy if self._active else None

    def version(self, number: int) -> Policy:
        """Return a version that there is."""
        return self._records[number].policy

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

    def activate(
        self,
        version: int,
        acknowledged: Collection[Dimension],
        sign_offs: Collection[SignOff],
        now_us: int,
    ) -> PolicyRecord:
        """
        Put a version in force, retiring the one before.

        Raises
        ------
        NotFoundError
            If there is no such version.
        NotReadyError
            If it opens more than one step may and nobody said that this is meant, or
            somebody has not signed for it.
        """
        record = self._records.get(version)
        if record is None:
            raise NotFoundError("policy", str(version))
        if record.state is PolicyState.ACTIVE:
            return record
        limits = self.active.step_limits if self.active else StepLimits()
        changes = compare(self.active, record.policy)
        missing = shortfalls(changes, limits, acknowledged, sign_offs)
        if missing:
            raise NotReadyError(f"policy version {version}", missing)
        self._put_in_force(record, now_us)
        meant = tuple(sorted(set(acknowledged)))
        self.program.activated(meant, tuple(sign_offs), now_us, version=version)
        return self._records[version]

    def roll_back(self, note: str, now_us: int) -> PolicyRecord:
        """
        Put the version before in force again, in one move and without questions.

        Raises
        ------
        StateConflictError
            If there is none before.
        """
        version = self.program.previous_version
        if not version:
            state = f"on version {self.program.version}" if self._active else "off"
            raise StateConflictError(
                "program", "", state, "rolling back", "a version in force before"
            )
        self._put_in_force(self._records[version], now_us)
        self.program.rolled_back(note, now_us)
        return self._records[version]

    def _put_in_force(self, record: PolicyRecord, now_us: int) -> None:
        if self._active is not None:
            self._keep(replace(self._active, state=PolicyState.RETIRED))
        cap = self.active.volume_cap if self.active else None
        if record.policy.volume_cap != cap:
            self.volume.start_anew()
        # A version that is rolled back to may be the one that was just retired.
        self._active = replace(
            self._records[record.policy.version],
            state=PolicyState.ACTIVE,
            activated_us=now_us,
        )
        self._keep(self._active)

    def _keep(self, record: PolicyRecord) -> None:
        self._records[record.policy.version] = record
        self._ledger.changes.policies[record.policy.version] = record
