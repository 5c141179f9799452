"""One commit: the rows it writes, made first and then written in one go."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table

from matcher.domain.ids import TenantId
from matcher.engine.changes import Changes
from server.storage import row_writing, statements
from server.storage.audit_entry import AuditEntry
from server.storage.clearing import Clearing
from server.storage.counters import counters_asked, counters_of
from server.storage.demand_load import DemandLoad, demand_loads
from server.storage.history import entry_count_asked
from server.storage.load_writing import write_load
from server.storage.prepared import Asked, Found, execute_many
from server.storage.rows import (
    Row,
    answer_row,
    audit_rows,
    demand_columns,
    demand_rows,
    event_rows,
    journal_row,
    keys_to_delete,
    log_rows,
    merge,
    rows_to_write,
)
from server.storage.store import StoredAnswer
from server.storage.tables import counters, demands


class Transaction:
    """
    Rows of all tenants by table, so that each table is one statement.

    Parameters
    ----------
    changes
        Changes by tenant; of two for one tenant the later value of a row wins,
        and decisions keep their order. Not modified.
    answers
        First answers to store; one whose request id has an answer is left out.
    audited
        Entries of the audit log by tenant, in order.
    """

    def __init__(
        self,
        changes: Sequence[tuple[TenantId, Changes]],
        answers: Sequence[StoredAnswer],
        audited: Sequence[tuple[TenantId, AuditEntry]] = (),
    ) -> None:
        self._written: dict[Table, list[Row]] = {}
        self._loads: list[tuple[Row, DemandLoad]] = []
        self._deleted: dict[Table, list[Row]] = {}
        self._events: list[Row] = []
        self._journal: list[Row] = []
        self._numbered: list[tuple[TenantId, Changes, list[Row]]] = []
        self._clearings: list[Clearing] = []
        for tenant, entry in sorted(merge(changes).items()):
            loads, records = demand_loads(entry)
            self._loads += [(demand_columns(tenant, one.first), one) for one in loads]
            written = {demands: demand_rows(tenant, records)}
            written |= rows_to_write(tenant, entry)
            for table, rows in written.items():
                if rows:
                    self._written.setdefault(table, []).extend(_in_order(table, rows))
            for table, keys in keys_to_delete(tenant, entry).items():
                self._deleted.setdefault(table, []).extend(keys)
            self._events += event_rows(tenant, entry.program_events)
            if entry.journal:
                self._journal.append(journal_row(tenant, entry.journal))
            if entry.decisions or entry.matches or entry.rounds:
                logged = log_rows(tenant, entry.decisions)
                self._numbered.append((tenant, entry, logged))
            if entry.erased_returns or entry.erased_demands:
                self._clearings.append(Clearing(tenant, entry))
        self._answers = [answer_row(answer) for answer in answers]
        self._audited = audited
        self._noted: list[Row] = []

    def __bool__(self) -> bool:
        return any(
            (
                self._written,
                self._loads,
                *self._deleted.values(),
                self._events,
                self._journal,
                self._numbered,
                self._answers,
                self._audited,
            )
        )

    def asked(self) -> list[Asked]:
        """Return what has to be known before anything is written."""
        audited = dict.fromkeys(tenant for tenant, _ in self._audited)
        return [
            *(counters_asked(tenant) for tenant, _, _ in self._numbered),
            *(entry_count_asked(segment["tenant"]) for segment in self._journal),
            *(
                Asked(statements.LAST_AUDIT_NUMBER, {"tenant": each})
                for each in audited
            ),
        ]

    def write(self, connection: Connection, found: Sequence[Found]) -> None:
        """
        Write everything; the caller commits, or rolls back if this raises.

        Parameters
        ----------
        connection
            In a transaction.
        found
            What was :meth:`asked` with which the transaction began.
        """
        counted = self._number(found)
        if not self._clearings:
            # Nothing is waited for any more, but the commit.
            row_writing.send_until_commit(connection)
            self._send(connection, counted)
            return
        for clearing in self._clearings:
            clearing.look(connection)
        with row_writing.sending(connection):
            self._send(connection, counted)
        # Last: what this very transaction wrote is cleared too.
        for clearing in self._clearings:
            clearing.clear(connection)

    @property
    def erases(self) -> bool:
        """Whether personal data is erased, so that the log on disk has to go too."""
        return bool(self._clearings)

    def _number(self, found: Sequence[Found]) -> list[Row]:
        # Numbered inside the transaction: without gaps, whatever failed before. Returns
        # the rows of counters that have changed.
        counted = []
        told = iter(found)
        for tenant, entry, logged in self._numbered:
            before = counters_of(next(told).rows)
            for sequence, row in enumerate(logged, before.sequence + 1):
                row["sequence"] = sequence
            after = before.after(entry)
            if after != before:
                counted.append({"tenant": tenant, **asdict(after)})
        for segment in self._journal:
            ((segment["number"],),) = next(told).rows
        self._noted = self._audit(told)
        return counted

    def _audit(self, told: Iterator[Found]) -> list[Row]:
        last: dict[TenantId, int] = {}
        rows: list[Row] = []
        for tenant, entry in self._audited:
            if tenant not in last:
                ((last[tenant],),) = next(told).rows
            last[tenant] += 1
            rows += audit_rows(tenant, [replace(entry, number=last[tenant])])
        return rows

    def _send(self, connection: Connection, counted: list[Row]) -> None:
        for common, load in self._loads:
            write_load(connection, common, load)
        for table, rows in self._written.items():
            row_writing.write_rows(connection, statements.UPSERTS[table], rows)
        for table, keys in self._deleted.items():
            if keys:
                execute_many(connection, statements.DELETES[table], keys)
        logged = [row for _, _, rows in self._numbered for row in rows]
        for statement, rows in (
            (statements.APPEND_DECISIONS, logged),
            (statements.APPEND_PROGRAM_EVENTS, self._events),
            (statements.APPEND_AUDIT_ENTRIES, self._noted),
            (statements.APPEND_JOURNAL, self._journal),
            (statements.KEEP_ANSWERS, self._answers),
            (statements.UPSERTS[counters], counted),
        ):
            if rows:
                row_writing.write_rows(connection, statement, rows)


def _in_order(table: Table, rows: list[Row]) -> list[Row]:
    # In the order of the index, tenants being in theirs, so that each of its pages is
    # met once; and each row once, for PostgreSQL's statement does not write one twice.
    if len(rows) == 1:
        return rows
    keys = [*map(_key(table), rows)]
    if all(map(operator.lt, keys, keys[1:])):
        return rows
    latest = dict(zip(keys, rows, strict=True))
    return [latest[each] for each in sorted(latest)]


@cache
def _key(table: Table) -> itemgetter[Any]:
    # The tenant, which all keys begin with, is the same in all rows.
    first, *names = table.primary_key.columns.keys()
    assert first == "tenant", f"the key of {table.name} begins with {first}"
    return itemgetter(*names)
