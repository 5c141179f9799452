"""The store on a SQL database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

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
from matcher.engine.archive import LiveRows
from matcher.engine.changes import Changes
from matcher.engine.records import (
    DemandRecord,
    PolicyRecord,
    ReturnRecord,
    RoundRecord,
)
from matcher.engine.shadow_records import ShadowRecord
from matcher.report.density import DemandFact
from matcher.report.facts import RolloutFacts, RolloutQuery
from server.storage import codec, report_statements, statements
from server.storage.audit.findings import Findings
from server.storage.audit.store_audit import audit_store
from server.storage.audit_entry import AuditEntry
from server.storage.counters import read_counters
from server.storage.database import Database
from server.storage.history import History
from server.storage.id_batches import id_batches
from server.storage.lease import Lease
from server.storage.live_rows import load_live_rows
from server.storage.report_rows import read_demand_facts, read_rollout_facts
from server.storage.shadow_rows import count_shadows
from server.storage.sql_archive import SqlArchive
from server.storage.sql_leases import SqlLeases, beats, fence
from server.storage.store import LoggedDecision, StoredAnswer
from server.storage.store_size import read_size_bytes
from server.storage.tables import relay_cursors
from server.storage.tenants import tenants_of
from server.storage.transaction import Transaction


class SqlStore:
    """
    Durable state of all tenants on a SQL database.

    Implements :class:`server.storage.store.Store`, where each method is described;
    :func:`server.storage.opening.open_store` makes one.

    Parameters
    ----------
    database
        Connections, the tables being at the head revision. Closed with the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def commit(
        self,
        changes: Sequence[tuple[TenantId, Changes]],
        answers: Sequence[StoredAnswer] = (),
        leases: Sequence[Lease] = (),
        audited: Sequence[tuple[TenantId, AuditEntry]] = (),
    ) -> None:
        """Write everything in one durable transaction, or nothing."""
        # Rows are made before the transaction: it holds up every other writer.
        transaction = Transaction(changes, answers, audited)
        if transaction:
            asked = [*beats(leases), *transaction.asked()]
            with self._database.writing_knowing("commit", asked) as begun:
                connection, found = begun
                fence(connection, leases, found[: len(leases)])
                transaction.write(connection, found[len(leases) :])
            if transaction.erases:
                self._database.settle_log()

    def leases(self) -> SqlLeases:
        """Return who may write for which tenant."""
        return SqlLeases(self._database)

    def load(self, tenant: TenantId) -> LiveRows:
        """Return what a shard needs in memory; a new tenant gives empty rows."""
        with self._database.snapshot("load a tenant") as connection:
            return load_live_rows(connection, tenant)

    def tenants(self) -> list[TenantId]:
        """Return the tenants that have any row, in the order of their ids."""
        with self._database.snapshot("list tenants") as connection:
            return tenants_of(connection)

    def archive(self, tenant: TenantId) -> SqlArchive:
        """Return look-ups of committed rows for the tenant's shard."""
        return SqlArchive(self._database, tenant)

    def answers(
        self, tenant: TenantId, request_ids: Iterable[str]
    ) -> dict[str, StoredAnswer]:
        """Return the first answers to some request ids, where there are any."""
        found: dict[str, StoredAnswer] = {}
        for ids in id_batches(request_ids):
            rows = self._database.fetch(
                "read answers", statements.SOME_ANSWERS, {"tenant": tenant, "ids": ids}
            )
            answers = (StoredAnswer(*row) for row in rows)
            found.update((each.request_id, each) for each in answers)
        return found

    def answer(self, tenant: TenantId, request_id: str) -> StoredAnswer | None:
        """Return the first answer to a request id."""
        return self.answers(tenant, [request_id]).get(request_id)

    def last_answered(self, tenant: TenantId, first: str, last: str) -> str | None:
        """Return the highest request id of a range, in bytes, that has an answer."""
        with self._database.reading("read the last answer") as connection:
            ids = {"tenant": tenant, "first": first, "last": last}
            found: str | None = connection.scalar(statements.LAST_ANSWERED, ids)
            return found

    def forget_answers(self, before_us: int) -> int:
        """Delete answers older than ``before_us``; return how many."""
        with self._database.writing("forget answers") as connection:
            result = connection.execute(
                statements.FORGET_ANSWERS, {"before_us": before_us}
            )
            return result.rowcount

    def demand(self, tenant: TenantId, demand_id: DemandId) -> DemandRecord | None:
        """Return one demand."""
        return self._database.one(
            "read a demand",
            statements.DEMAND,
            codec.DEMANDS,
            {"tenant": tenant, "id": demand_id},
        )

    def list_demands(
        self,
        tenant: TenantId,
        *,
        state: DemandState | None,
        after_id: str,
        limit: int,
    ) -> list[DemandRecord]:
        """Return up to ``limit`` demands with an id above ``after_id``, by id."""
        page = _page(tenant, after_id, limit)
        if state is None:
            statement = statements.DEMAND_PAGE
        else:
            statement = statements.DEMAND_PAGE_IN_STATE
            page["state"] = int(state)
        return self._database.many("list demands", statement, codec.DEMANDS, page)

    def return_item(self, tenant: TenantId, return_id: ReturnId) -> ReturnRecord | None:
        """Return one return item."""
        return self._database.one(
            "read a return item",
            statements.RETURN,
            codec.RETURNS,
            {"tenant": tenant, "id": return_id},
        )

    def list_returns(
        self,
        tenant: TenantId,
        *,
        state: ReturnState | None,
        after_id: str,
        limit: int,
    ) -> list[ReturnRecord]:
        """Return up to ``limit`` return items with an id above ``after_id``, by id."""
        page = _page(tenant, after_id, limit)
        if state is None:
            statement = statements.RETURN_PAGE
        else:
            statement = statements.RETURN_PAGE_IN_STATE
            page["state"] = int(state)
        return self._database.many("list return items", statement, codec.RETURNS, page)

    def returns_of_customer(
        self, tenant: TenantId, customer_id: str, *, limit: int
    ) -> list[ReturnId]:
        """Return up to ``limit`` ids of a customer's return items, in order."""
        # As it stands in the document; a text inside of another has its quote escaped.
        field = f'"customer_id":{msgspec.json.encode(customer_id).decode()}'
        with self._database.reading("read the returns of a customer") as connection:
            rows = connection.execute(
                statements.RETURNS_WITH,
                {"tenant": tenant, "text": field, "limit": limit},
            )
            return [ReturnId(each) for each in rows.scalars()]

    def match(self, tenant: TenantId, match_id: MatchId) -> Match | None:
        """Return one match as it stands now."""
        return self.archive(tenant).match(match_id)

    def decision(self, tenant: TenantId, decision_id: DecisionId) -> Decision | None:
        """Return one decision."""
        return self.archive(tenant).decision(decision_id)

    def decisions_of(self, tenant: TenantId, return_id: ReturnId) -> list[Decision]:
        """Return all decisions of a return item, oldest first."""
        return self._database.many(
            "read the decisions of a return item",
            statements.DECISIONS_OF_RETURN,
            codec.DECISIONS,
            {"tenant": tenant, "id": return_id},
        )

    def decisions_after(
        self, tenant: TenantId, sequence: int, limit: int
    ) -> list[LoggedDecision]:
        """Return up to ``limit`` decisions with a higher sequence, in its order."""
        with self._database.reading("read the decision log") as connection:
            rows = connection.execute(
                statements.DECISION_LOG, _page(tenant, sequence, limit)
            ).all()
        return [
            LoggedDecision(number, codec.DECISIONS.decode(document))
            for number, document in rows
        ]

    def log_end(self, tenant: TenantId) -> int:
        """Return the sequence of the last decision; 0 before the first."""
        with self._database.reading("read the counters") as connection:
            return read_counters(connection, tenant).sequence

    def relayed(self, tenant: TenantId, sink: str) -> int:
        """Return up to which decision a sink has the log; 0 before the first."""
        with self._database.reading("read a cursor") as connection:
            found = connection.execute(
                statements.RELAYED, {"tenant": tenant, "sink": sink}
            )
            return found.scalar_one_or_none() or 0

    def keep_relayed(
        self,
        tenant: TenantId,
        sink: str,
        sequence: int,
        leases: Sequence[Lease] = (),
    ) -> None:
        """Store up to which decision a sink has the log."""
        row = {"tenant": tenant, "sink": sink, "sequence": sequence}
        asked = beats(leases)
        with self._database.writing_knowing("keep a cursor", asked) as begun:
            connection, found = begun
            fence(connection, leases, found)
            connection.execute(statements.UPSERTS[relay_cursors], row)

    def policy(self, tenant: TenantId, version: int) -> PolicyRecord | None:
        """Return one policy version; version 0 is the active one."""
        if version == 0:
            statement = statements.ACTIVE_POLICY
            parameters: dict[str, object] = {"tenant": tenant}
        else:
            statement = statements.POLICY
            parameters = {"tenant": tenant, "id": version}
        return self._database.one(
            "read a policy", statement, codec.POLICIES, parameters
        )

    def list_policies(
        self, tenant: TenantId, *, after_version: int, limit: int
    ) -> list[PolicyRecord]:
        """Return up to ``limit`` versions above ``after_version``, in order."""
        return self._database.many(
            "list policies",
            statements.POLICY_PAGE,
            codec.POLICIES,
            _page(tenant, after_version, limit),
        )

    def program(self, tenant: TenantId) -> Program | None:
        """Return what a tenant's program stands at."""
        return self._database.one(
            "read a program", statements.PROGRAM, codec.PROGRAMS, {"tenant": tenant}
        )

    def list_program_events(
        self, tenant: TenantId, *, after_number: int, limit: int
    ) -> list[ProgramEvent]:
        """Return up to ``limit`` events with a higher number, in order."""
        return self._database.many(
            "list program events",
            statements.PROGRAM_EVENT_PAGE,
            codec.PROGRAM_EVENTS,
            _page(tenant, after_number, limit),
        )

    def list_audit_entries(
        self, tenant: TenantId, *, after_number: int, limit: int
    ) -> list[AuditEntry]:
        """Return up to ``limit`` entries with a higher number, in order."""
        return self._database.many(
            "list audit entries",
            statements.AUDIT_PAGE,
            codec.AUDIT_ENTRIES,
            _page(tenant, after_number, limit),
        )

    def list_warehouses(
        self, tenant: TenantId, *, after_id: str, limit: int
    ) -> list[Warehouse]:
        """Return up to ``limit`` warehouses with an id above ``after_id``, by id."""
        return self._database.many(
            "list warehouses",
            statements.WAREHOUSE_PAGE,
            codec.WAREHOUSES,
            _page(tenant, after_id, limit),
        )

    def list_service_areas(
        self, tenant: TenantId, *, after_id: str, limit: int
    ) -> list[ServiceArea]:
        """Return up to ``limit`` service areas above ``after_id``, by id."""
        return self._database.many(
            "list service areas",
            statements.SERVICE_AREA_PAGE,
            codec.SERVICE_AREAS,
            _page(tenant, after_id, limit),
        )

    def list_drop_off_points(
        self, tenant: TenantId, *, after_id: str, limit: int
    ) -> list[DropOffPoint]:
        """Return up to ``limit`` drop-off points with an id above ``after_id``."""
        return self._database.many(
            "list drop-off points",
            statements.DROP_OFF_POINT_PAGE,
            codec.DROP_OFF_POINTS,
            _page(tenant, after_id, limit),
        )

    def round(self, tenant: TenantId, round_id: RoundId) -> RoundRecord | None:
        """Return one round, its proof included."""
        with self._database.reading("read a round") as connection:
            row = connection.execute(
                statements.ROUND, {"tenant": tenant, "id": round_id}
            ).one_or_none()
        if row is None:
            return None
        return replace(codec.ROUNDS.decode(row.document), proof=row.proof)

    def shadow(self, tenant: TenantId, return_id: ReturnId) -> ShadowRecord | None:
        """Return the shadow of a return item that was kept out."""
        return self._database.one(
            "read a shadow",
            statements.SHADOW,
            codec.SHADOWS,
            {"tenant": tenant, "id": return_id},
        )

    def count_shadows(
        self, tenant: TenantId, *, policy_version: int | None = None
    ) -> list[ShadowCount]:
        """Return the control group and what would have become of it, added up."""
        with self._database.reading("count shadows") as connection:
            return count_shadows(connection, tenant, policy_version)

    def latest_round(self, tenant: TenantId) -> RoundId | None:
        """Return the id of the last round; ``None`` before the first."""
        with self._database.reading("find the last round") as connection:
            found: str | None = connection.execute(
                report_statements.LATEST_ROUND, {"tenant": tenant}
            ).scalar()
        return None if found is None else RoundId(found)

    def rollout_facts(self, tenant: TenantId, query: RolloutQuery) -> RolloutFacts:
        """Return what a rollout report is made of; reads every return item."""
        with self._database.snapshot("read a rollout") as connection:
            return read_rollout_facts(connection, tenant, query)

    def demand_facts(self, tenant: TenantId) -> list[DemandFact]:
        """Return every demand that takes a returned item, closed ones too."""
        with self._database.snapshot("read demands") as connection:
            return list(read_demand_facts(connection, tenant))

    def audit(self, *, limit: int = 100, with_proofs: bool = False) -> Findings:
        """Hold all rows against each other, as one commit left them."""
        with self._database.snapshot("audit it") as connection:
            return audit_store(connection, limit=limit, with_proofs=with_proofs)

    def history(self, tenant: TenantId) -> History:
        """Return the tenant's journal and checkpoints."""
        return History(self._database, tenant)

    def ping(self) -> None:
        """Raise unless the database answers."""
        with self._database.reading("read the revision") as connection:
            connection.execute(statements.PING).one()

    def size_bytes(self) -> int:
        """Return how large the database is, what is only in a log left aside."""
        with self._database.reading("read its size") as connection:
            return read_size_bytes(connection)

    def close(self) -> None:
        """Close every connection; checkpoints the log of an embedded store."""
        self._database.close()


def _page(tenant: TenantId, after: str | int, limit: int) -> dict[str, object]:
    # SQLite reads a negative limit as none at all.
    assert limit >= 0, f"limit {limit} of a page"
    return {"tenant": tenant, "after": after, "limit": limit}
