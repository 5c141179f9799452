"""Look-ups by id for a tenant's shard, from the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from sqlalchemy import Select

from matcher.domain.decision import Decision
from matcher.domain.ids import DecisionId, DemandId, MatchId, ReturnId, TenantId
from matcher.domain.match import Match
from matcher.engine.records import DemandRecord, ReturnRecord
from server.storage import codec, statements
from server.storage.codec import DocumentCodec
from server.storage.database import Database
from server.storage.id_batches import IDS_MAX, id_batches
from server.storage.statements import Documents

T = TypeVar("T")


class _ById(NamedTuple):
    some: Documents
    between: Select[str]


_DEMANDS = _ById(statements.SOME_DEMANDS, statements.DEMAND_BETWEEN)
_RETURNS = _ById(statements.SOME_RETURNS, statements.RETURN_BETWEEN)


class SqlArchive:
    """
    Committed rows of one tenant, by id.

    Implements :class:`matcher.engine.archive.Archive`. Results are in the order of
    their ids, whatever the order of the question.
    """

    def __init__(self, database: Database, tenant: TenantId) -> None:
        self._database = database
        self._tenant = tenant

    def demands(self, ids: Iterable[DemandId]) -> dict[DemandId, DemandRecord]:
        """Return the demands that exist among ``ids``."""
        found = self._some("read demands", _DEMANDS, codec.DEMANDS, ids)
        return {record.demand.demand_id: record for record in found}

    def returns(self, ids: Iterable[ReturnId]) -> dict[ReturnId, ReturnRecord]:
        """Return the return items that exist among ``ids``."""
        found = self._some("read returns", _RETURNS, codec.RETURNS, ids)
        return {record.item.return_id: record for record in found}

    def match(self, match_id: MatchId) -> Match | None:
        """Return one match."""
        return self._database.one(
            "read a match",
            statements.MATCH,
            codec.MATCHES,
            {"tenant": self._tenant, "id": match_id},
        )

    def decision(self, decision_id: DecisionId) -> Decision | None:
        """Return one decision."""
        return self._database.one(
            "read a decision",
            statements.DECISION,
            codec.DECISIONS,
            {"tenant": self._tenant, "id": decision_id},
        )

    def _some(
        self,
        doing: str,
        statement: _ById,
        codec: DocumentCodec[T],
        ids: Iterable[str],
    ) -> list[T]:
        of_tenant = {"tenant": self._tenant}
        asked = [*ids]
        if len(asked) > IDS_MAX:
            # Of an import: often no number between its first and its last is taken yet,
            # and one look says so.
            ends = {**of_tenant, "first": min(asked), "last": max(asked)}
            if not self._database.fetch(doing, statement.between, ends):
                return []
        found: list[T] = []
        for part in id_batches(asked):
            parameters = {**of_tenant, "ids": part}
            found += self._database.many(doing, statement.some, codec, parameters)
        return found
