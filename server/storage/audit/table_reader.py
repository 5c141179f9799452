"""Reads tables of one tenant for an audit, row by row, in the order of their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Table, select

from matcher.domain.ids import TenantId
from server.storage.audit.findings import Findings
from server.storage.codec import DocumentCodec, StoredDocumentError

T = TypeVar("T")

# Rows that the driver hands over at once.
_ROWS_AT_ONCE = 1_000


class TableReader:
    """
    The rows of one tenant, as all statements of one snapshot see them.

    Parameters
    ----------
    connection
        Connection whose statements all see the same commit.
    tenant
        Whose rows.
    findings
        Is told of rows that do not read back, or say two things.
    """

    def __init__(
        self, connection: Connection, tenant: TenantId, findings: Findings
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._findings = findings

    def report(self, table: Table, key: object, fault: str) -> None:
        """Note a violation."""
        self._findings.add(table.name, self._tenant, key, fault)

    def proof_checked(self) -> None:
        """Count the proof of a round."""
        self._findings.round_count += 1

    def rows(self, table: Table, *columns: str) -> Iterator[Row[Any]]:
        """Yield the rows of a table, with all of its columns or some."""
        chosen = [table.c[name] for name in columns] or list(table.columns)
        statement = (
            select(*chosen)
            .where(table.c.tenant == self._tenant)
            .order_by(*table.primary_key)
            .execution_options(yield_per=_ROWS_AT_ONCE)
        )
        # Closed at the end: PostgreSQL keeps a cursor for each until then.
        with self._connection.execute(statement) as found:
            for row in found:
                self._findings.row_count += 1
                yield row

    def records(
        self,
        table: Table,
        codec: DocumentCodec[T],
        made: Callable[[TenantId, T], Mapping[str, object]] | None = None,
    ) -> Iterator[tuple[Row[Any], T]]:
        """
        Yield rows with what their documents say.

        One that does not read back is reported and left out. ``made`` is the row that
        a commit would write: a column that says otherwise is reported.
        """
        key = [each.name for each in table.primary_key if each.name != "tenant"]
        for row in self.rows(table):
            name = getattr(row, key[0]) if key else self._tenant
            try:
                record = codec.decode(row.document)
            except StoredDocumentError as error:
                self.report(table, name, str(error))
                continue
            if made is not None:
                self.compare(table, name, row, made(self._tenant, record))
            yield row, record

    def compare(
        self, table: Table, key: object, row: Row[Any], made: Mapping[str, object]
    ) -> None:
        """Report the columns of a row that are not as they would be written."""
        # The document itself may be older than fields that were added since, and a
        # proof is checked by itself.
        for name, stored in row._asdict().items():
            if name in ("document", "proof") or name not in made:
                continue
            if stored != made[name]:
                self.report(
                    table, key, f"{name} is {stored}, of its document {made[name]}"
                )
