"""The store as the rest of the server sees it, with its awkward cases said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from matcher.domain.decision import Decision
from matcher.domain.demand import DemandState
from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.ids import (
    DecisionId,
    DemandId,
    MatchId,
    ReturnId,
    RoundId,
    TenantId,
)
from matcher.domain.match import Match
from matcher.domain.program import Program, ProgramEvent
from matcher.domain.return_item import ReturnState
from matcher.domain.shadow import ShadowCount
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.archive import Archive, LiveRows
from matcher.engine.changes import Changes
from matcher.engine.journal import Checkpoint, Entry
from matcher.engine.records import (
    DemandRecord,
    PolicyRecord,
    ReturnRecord,
    RoundRecord,
)
from matcher.engine.shadow_records import ShadowRecord
from matcher.report.density import DemandFact
from matcher.report.facts import RolloutFacts, RolloutQuery
from server.storage.audit_entry import AuditEntry
from server.storage.lease import Lease, Leases


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """
    The first answer to a request id, kept in the transaction of its write.

    ``payload_hash`` covers method and payload; ``answer`` is the response as bytes.
    """

    tenant: TenantId
    request_id: str
    payload_hash: str
    answer: bytes
    answered_us: int


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """A decision with its place in the tenant's log, counted from 1 without gaps."""

    sequence: int
    decision: Decision


class History(Protocol):
    """
    What happened to one tenant, in order, and where a replay of it may start.

    Raises
    ------
    UnavailableError
        From any method, as those of :class:`Store`.
    """

    def checkpoint(self, now_us: int) -> Checkpoint:
        """
        Return the live rows and their place in the journal, from one commit.

        The caller has seen to it that no round is under way.
        """

    def keep(self, checkpoint: Checkpoint) -> None:
        """
        Store a checkpoint; one after the same entries is left as it is.

        Nothing is stored if the program's log has grown since the checkpoint was made:
        personal data that it holds may have been erased.
        """

    def begin(self, now_us: int) -> None:
        """Make the first checkpoint if nothing else says what the rows come from."""

    def checkpoints(self) -> list[tuple[int, int]]:
        """Return entry count and instant of every checkpoint, last first."""

    def is_due(self, before_us: int, entries: int) -> bool:
        """
        Return whether it is time for a checkpoint.

        It is if there is none, if the last is no later than an instant, or if so many
        entries or more came since it that the journal has grown as long as it: so a
        replay has an end in sight, and checkpoints take no more room than the journal.
        """

    def start(self, from_us: int) -> Checkpoint:
        """
        Return where a replay starts that is to have lived up to an instant.

        The last checkpoint at or before it, else the first there is, else nothing at
        all: the beginning. Raises ``StateConflictError`` if personal data is erased of
        what lived from there on: what happened then cannot be done again.
        """

    def starts(self, from_us: int) -> Iterator[Checkpoint]:
        """
        Yield where a replay may start that is to live up to an instant, last first.

        The checkpoints at or before it, then the beginning if the journal still has it.
        One may hold a little of what came after its instant: whoever looks for
        something sees by its counters whether it is in there already.
        """

    def kept_from_us(self) -> int | None:
        """Return from when on the past can be lived again; ``None`` from nowhere."""

    def entry_count(self) -> int:
        """Return how many entries there have been."""

    def entries(
        self, after: int, until_us: int, end: int | None = None
    ) -> Iterator[Entry]:
        """
        Yield the entries from a number on that happened before an instant.

        ``end`` is a count that :meth:`entry_count` gave: what came later is left.
        """

    def matches(self, after_number: int) -> Iterator[Match]:
        """Yield the matches with a higher number, as they stand, in its order."""

    def forget(self, before_us: int) -> int:
        """
        Delete what only replays that start before an instant need.

        Goes back to the last checkpoint at or before it, and no further; returns how
        many segments are gone.
        """


class Store(Protocol):
    """
    Durable state of all tenants.

    One thread at a time calls :meth:`commit`; readers may call the rest from any
    thread at any time and see only committed rows. Every method is scoped by
    tenant and never shows a row of another. Ids that do not exist give ``None`` or
    an empty result, never an exception. Ids order by their code points, whatever
    language a database sorts by.

    Of several writers on one database, in this process or in others, one writes at
    a time, and sees all that those before it have committed.

    Raises
    ------
    UnavailableError
        From any method, if the database cannot be reached or written, or does not
        answer in time. Nothing of the call is stored then, but for one case: a
        connection that breaks while a commit is under way leaves the caller without
        knowing. The error says so ("may be stored"), the commit is there as a whole
        or not at all, and every later read waits until that is decided. Nothing is
        tried again behind the caller's back; the next call connects anew.
    """

    def commit(
        self,
        changes: Sequence[tuple[TenantId, Changes]],
        answers: Sequence[StoredAnswer] = (),
        leases: Sequence[Lease] = (),
        audited: Sequence[tuple[TenantId, AuditEntry]] = (),
    ) -> None:
        """
        Write everything in one durable transaction, or nothing.

        Under the leases given: if one of them is not the last of its tenant,
        ``FencedError`` is raised and nothing is stored.

        A row that exists is replaced; deleting one that does not is no error. Of two
        entries for a tenant the later one wins. Decisions get the next numbers of
        their tenant's log, in order; one whose id is taken is a bug of the caller. A
        request id that has an answer keeps it. Audit entries get the next numbers of
        their tenant. Of erased rows, personal data is taken
        out of decisions, journal and checkpoints, and answers that hold it are deleted.
        """

    def leases(self) -> Leases:
        """Return who may write for which tenant."""

    def load(self, tenant: TenantId) -> LiveRows:
        """
        Return what a shard needs in memory, each kind in the order of its ids.

        All of it is from one commit. A new tenant gives empty rows. The counters never
        fall, whatever becomes of the rows that they numbered.
        """

    def tenants(self) -> list[TenantId]:
        """Return the tenants that have any row, in the order of their ids."""

    def archive(self, tenant: TenantId) -> Archive:
        """Return look-ups of committed rows for the tenant's shard."""

    def answers(
        self, tenant: TenantId, request_ids: Iterable[str]
    ) -> dict[str, StoredAnswer]:
        """Return the first answers to some request ids, where there are any."""

    def answer(self, tenant: TenantId, request_id: str) -> StoredAnswer | None:
        """Return the first answer to a request id."""

    def last_answered(self, tenant: TenantId, first: str, last: str) -> str | None:
        """Return the highest request id of a range, in bytes, that has an answer."""

    def forget_answers(self, before_us: int) -> int:
        """Delete answers older than ``before_us``; return how many."""

    def demand(self, tenant: TenantId, demand_id: DemandId) -> DemandRecord | None:
        """Return one demand."""

    def list_demands(
        self,
        tenant: TenantId,
        *,
        state: DemandState | None,
        after_id: str,
        limit: int,
    ) -> list[DemandRecord]:
        """Return up to ``limit`` demands with an id above ``after_id``, by id."""

    def return_item(self, tenant: TenantId, return_id: ReturnId) -> ReturnRecord | None:
        """Return one return item."""

    def list_returns(
        self,
        tenant: TenantId,
        *,
        state: ReturnState | None,
        after_id: str,
        limit: int,
    ) -> list[ReturnRecord]:
        """Return up to ``limit`` return items with an id above ``after_id``, by id."""

    def returns_of_customer(
        self, tenant: TenantId, customer_id: str, *, limit: int
    ) -> list[ReturnId]:
        """
        Return up to ``limit`` ids of a customer's return items, in order.

        Reads all of the tenant's items: nothing else asks for those of a customer.
        """

    def match(self, tenant: TenantId, match_id: MatchId) -> Match | None:
        """Return one match as it stands now."""

    def decision(self, tenant: TenantId, decision_id: DecisionId) -> Decision | None:
        """Return one decision."""

    def decisions_of(self, tenant: TenantId, return_id: ReturnId) -> list[Decision]:
        """Return all decisions of a return item, oldest first."""

    def decisions_after(
        self, tenant: TenantId, sequence: int, limit: int
    ) -> list[LoggedDecision]:
        """Return up to ``limit`` decisions with a higher sequence, in its order."""

    def log_end(self, tenant: TenantId) -> int:
        """Return the sequence of the last decision; 0 before the first."""

    def relayed(self, tenant: TenantId, sink: str) -> int:
        """Return up to which decision a sink has the log; 0 before the first."""

    def keep_relayed(
        self,
        tenant: TenantId,
        sink: str,
        sequence: int,
        leases: Sequence[Lease] = (),
    ) -> None:
        """
        Store up to which decision a sink has the log, lower than before if need be.

        Called like :meth:`commit`, by the thread that writes, and fenced like it.
        """

    def policy(self, tenant: TenantId, version: int) -> PolicyRecord | None:
        """Return one policy version; version 0 is the active one."""

    def list_policies(
        self, tenant: TenantId, *, after_version: int, limit: int
    ) -> list[PolicyRecord]:
        """Return up to ``limit`` versions above ``after_version``, in order."""

    def program(self, tenant: TenantId) -> Program | None:
        """Return what a tenant's program stands at; ``None`` before its first event."""

    def list_program_events(
        self, tenant: TenantId, *, after_number: int, limit: int
    ) -> list[ProgramEvent]:
        """Return up to ``limit`` events with a higher number, in order."""

    def list_audit_entries(
        self, tenant: TenantId, *, after_number: int, limit: int
    ) -> list[AuditEntry]:
        """Return up to ``limit`` entries with a higher number, in order."""

    def list_warehouses(
        self, tenant: TenantId, *, after_id: str, limit: int
    ) -> list[Warehouse]:
        """Return up to ``limit`` warehouses with an id above ``after_id``, by id."""

    def list_service_areas(
        self, tenant: TenantId, *, after_id: str, limit: int
    ) -> list[ServiceArea]:
        """Return up to ``limit`` service areas above ``after_id``, by id."""

    def list_drop_off_points(
        self, tenant: TenantId, *, after_id: str, limit: int
    ) -> list[DropOffPoint]:
        """Return up to ``limit`` drop-off points with an id above ``after_id``."""

    def round(self, tenant: TenantId, round_id: RoundId) -> RoundRecord | None:
        """Return one round, its proof included."""

    def shadow(self, tenant: TenantId, return_id: ReturnId) -> ShadowRecord | None:
        """Return the shadow of a return item that was kept out."""

    def count_shadows(
        self, tenant: TenantId, *, policy_version: int | None = None
    ) -> list[ShadowCount]:
        """
        Return the control group and what would have become of it, added up.

        By policy version, category and what kept them out, in this order; of one
        version only if one is named.
        """

    def latest_round(self, tenant: TenantId) -> RoundId | None:
        """Return the id of the last round; ``None`` before the first."""

    def rollout_facts(self, tenant: TenantId, query: RolloutQuery) -> RolloutFacts:
        """Return what a rollout report is made of; reads every return item."""

    def demand_facts(self, tenant: TenantId) -> list[DemandFact]:
        """Return every demand that takes a returned item, closed ones too."""

    def history(self, tenant: TenantId) -> History:
        """Return the tenant's journal and checkpoints."""

    def ping(self) -> None:
        """Raise unless the database answers."""

    def size_bytes(self) -> int:
        """Return how large the database is, what is only in a log left aside."""

    def close(self) -> None:
        """Close every connection; checkpoints the log of an embedded store."""
