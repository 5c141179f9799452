"""Logs without gaps: the program's events, the journal and its checkpoints."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from matcher.domain.policy import PolicyState
from server.storage import codec
from server.storage.audit.decision_log import DecisionLog, number_of
from server.storage.audit.promises import Promises
from server.storage.audit.table_reader import TableReader
from server.storage.codec import StoredDocumentError
from server.storage.journal_codec import unpack_checkpoint, unpack_entries
from server.storage.rows import policy_row
from server.storage.tables import (
    audit_log,
    checkpoints,
    counters,
    journal,
    policies,
    program_events,
    programs,
    rounds,
)


def check_program(reader: TableReader) -> None:
    """Report versions in force twice, and gaps in the logs of program and audit."""
    active: list[int] = []
    for row, record in reader.records(policies, codec.POLICIES, policy_row):
        if record.state is PolicyState.ACTIVE:
            active.append(row.version)
    for version in active[1:]:
        reader.report(policies, version, f"it is ACTIVE beside version {active[0]}")
    count = 0
    for row, event in reader.records(program_events, codec.PROGRAM_EVENTS):
        count += 1
        if not row.number == event.number == count:
            reader.report(program_events, row.number, f"the next number is {count}")
            count = row.number
    last = 0
    for row, entry in reader.records(audit_log, codec.AUDIT_ENTRIES):
        last += 1
        if not row.number == entry.number == last:
            reader.report(audit_log, row.number, f"the next number is {last}")
            last = row.number
    stored = 0
    for row, program in reader.records(programs, codec.PROGRAMS):
        stored = program.event_count
        in_force = program.in_force[-1:]
        if stored and tuple(active[:1]) != in_force:
            reader.report(
                programs, row.tenant, f"in force is {in_force}, ACTIVE is {active}"
            )
    if stored != count:
        reader.report(
            programs, "program", f"event_count is {stored}, of its log {count}"
        )


def check_journal(reader: TableReader, *, reads_back: bool) -> None:
    """
    Report gaps in the journal, and checkpoints of a place that it never reached.

    Its beginning may be gone: only what replays no longer need is dropped.

    Parameters
    ----------
    reader
        Gives the rows, and is told.
    reads_back
        Read every segment and checkpoint, too; that takes most of the time.
    """
    end: int | None = None
    for row in reader.rows(journal):
        if reads_back:
            _check_segment(reader, row)
        if end is not None and row.number != end:
            reader.report(journal, row.number, f"the next number is {end}")
        if row.first_us > row.last_us:
            reader.report(journal, row.number, "it ends before it begins")
        end = row.number + row.entry_count
    for row in reader.rows(checkpoints):
        if reads_back:
            _check_checkpoint(reader, row)
        if end is not None and row.entry_count > end:
            reader.report(
                checkpoints, row.entry_count, f"the journal has {end} entries only"
            )


def _check_segment(reader: TableReader, row: Row[Any]) -> None:
    try:
        count = sum(1 for _ in unpack_entries(row.segment))
    except StoredDocumentError as error:
        reader.report(journal, row.number, str(error))
        return
    if count != row.entry_count:
        fault = f"entry_count is {row.entry_count}, of its segment {count}"
        reader.report(journal, row.number, fault)


def _check_checkpoint(reader: TableReader, row: Row[Any]) -> None:
    try:
        unpack_checkpoint(row.rows, row.at_us, row.entry_count)
    except StoredDocumentError as error:
        reader.report(checkpoints, row.entry_count, str(error))


def check_counters(reader: TableReader, log: DecisionLog, promises: Promises) -> None:
    """Report counters below a number that was given out: it would be given again."""
    round_numbers = (number_of(row.round_id) for row in reader.rows(rounds, "round_id"))
    given = {
        "decision_count": log.highest,
        "match_count": promises.highest,
        "round_count": max(round_numbers, default=0),
    }
    stored = next(reader.rows(counters), None)
    for name, number in {"sequence": log.count, **given}.items():
        value = getattr(stored, name) if stored is not None else 0
        # Numbers may have been given to what is gone; a place in the log never.
        if value < number or (name == "sequence" and value != number):
            reader.report(counters, name, f"it is {value}, given out is {number}")
