"""What a tenant's journal and checkpoints hold, read and cleared."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from matcher.domain.errors import StateConflictError
from matcher.domain.ids import TenantId
from matcher.domain.instant import utc_text
from matcher.domain.match import Match
from matcher.domain.program import Program
from matcher.engine.archive import LiveRows
from matcher.engine.journal import Checkpoint, Entry
from matcher.engine.ledger import match_id
from server.storage import codec, statements
from server.storage.database import Database
from server.storage.journal_codec import (
    pack_checkpoint,
    unpack_checkpoint,
    unpack_entries,
)
from server.storage.live_rows import load_live_rows
from server.storage.prepared import Asked, fetch

#: Matches that are read at once.
_MATCHES_AT_ONCE = 5_000

#: Segments that are read at once.
_SEGMENTS_AT_ONCE = 200


def entry_count(connection: Connection, tenant: object) -> int:
    """Return how many entries a tenant's journal ever had."""
    ((count,),) = fetch(connection, *entry_count_asked(tenant))
    return int(count)


def entry_count_asked(tenant: object) -> Asked:
    """Return what says in one row how many entries a tenant's journal ever had."""
    return Asked(statements.ENTRY_COUNT, {"tenant": tenant})


def _event_count(program: Program | None) -> int:
    return program.event_count if program is not None else 0


class History:
    """
    The journal of one tenant.

    Parameters
    ----------
    database
        Where it is.
    tenant
        Whose it is.
    """

    def __init__(self, database: Database, tenant: TenantId) -> None:
        self._database = database
        self._tenant = tenant
        self._of_tenant = {"tenant": tenant}

    def checkpoint(self, now_us: int) -> Checkpoint:
        """Return the live rows and their place in the journal, from one commit."""
        with self._database.snapshot("make a checkpoint") as connection:
            count = entry_count(connection, self._tenant)
            rows = load_live_rows(connection, self._tenant)
            decisions = [
                codec.DECISIONS.decode(document)
                for record in rows.returns
                if record.decision_id
                for document in connection.execute(
                    statements.DECISION, {**self._of_tenant, "id": record.decision_id}
                ).scalars()
            ]
        return Checkpoint(now_us, count, rows, tuple(decisions))

    def keep(self, checkpoint: Checkpoint) -> None:
        """
        Store a checkpoint, unless the program's log has grown since it was made.

        It may then hold personal data that was erased meanwhile: the next one will do.
        """
        row = {
            **self._of_tenant,
            "entry_count": checkpoint.entry_count,
            "at_us": checkpoint.at_us,
            "rows": pack_checkpoint(checkpoint),
        }
        made_with = checkpoint.rows.program
        with self._database.writing("keep a checkpoint") as connection:
            found = connection.execute(statements.PROGRAM, self._of_tenant).scalars()
            program = next(iter(codec.PROGRAMS.decode_all(found)), None)
            if _event_count(program) == _event_count(made_with):
                connection.execute(statements.KEEP_CHECKPOINT, row)

    def begin(self, now_us: int) -> None:
        """Make the first checkpoint if nothing else says what the rows come from."""
        with self._database.snapshot("look for a history") as connection:
            is_known = entry_count(connection, self._tenant) > 0
        if not is_known and not self.checkpoints():
            self.keep(self.checkpoint(now_us))

    def checkpoints(self) -> list[tuple[int, int]]:
        """Return entry count and instant of every checkpoint, last first."""
        with self._database.reading("list checkpoints") as connection:
            found = connection.execute(statements.CHECKPOINTS, self._of_tenant)
            return [(row.entry_count, row.at_us) for row in found]

    def is_due(self, before_us: int, entries: int) -> bool:
        """
        Return whether it is time for a checkpoint.

        It is if there is none, if the last is no later than an instant, or if so many
        entries or more came since it that the journal has grown as long as it: so a
        replay has an end in sight, and checkpoints take no more room than the journal.
        """
        known = self.checkpoints()
        if not known or known[0][1] <= before_us:
            return True
        count = known[0][0]
        with self._database.reading("measure the journal") as connection:
            if entry_count(connection, self._tenant) - count < entries:
                return False
            at = {**self._of_tenant, "entry_count": count}
            size = connection.execute(statements.CHECKPOINT_SIZE, at).scalar_one()
            after = {**self._of_tenant, "after": count}
            grown = connection.execute(statements.JOURNAL_SIZE, after).scalar_one()
        return bool(grown >= size)

    def start(self, from_us: int) -> Checkpoint:
        """
        Return where a replay starts that is to have lived up to an instant.

        The last checkpoint at or before it, else the first there is, else nothing at
        all: the beginning.

        Raises
        ------
        StateConflictError
            If personal data is erased of what lived from there on: what happened then
            cannot be done again.
        """
        known = self.checkpoints()
        before = [each for each in known if each[1] <= from_us]
        if not before:
            began_us = self._began_us()
            if not known or began_us is not None:
                self._refuse_erased(from_us, -1)
                begins_us = from_us if began_us is None else min(from_us, began_us)
                return Checkpoint(begins_us, 0, LiveRows())
        count, at_us = before[0] if before else known[-1]
        self._refuse_erased(from_us, at_us)
        return self._checkpoint(count, at_us)

    def starts(self, from_us: int) -> Iterator[Checkpoint]:
        """
        Yield where a replay may start that is to live up to an instant, last first.

        The checkpoints at or before it, then the beginning if the journal still has it.
        One may hold a little of what came after its instant: whoever looks for
        something sees by its counters whether it is in there already.

        Raises
        ------
        StateConflictError
            As :meth:`start` does, when it comes to what was erased.
        """
        for count, at_us in self.checkpoints():
            if at_us <= from_us:
                self._refuse_erased(from_us, at_us)
                yield self._checkpoint(count, at_us)
        if (began_us := self._began_us()) is not None:
            self._refuse_erased(from_us, -1)
            yield Checkpoint(min(from_us, began_us), 0, LiveRows())

    def kept_from_us(self) -> int | None:
        """Return from when on the past can be lived again; ``None`` from nowhere."""
        if (began_us := self._began_us()) is not None:
            return began_us
        known = self.checkpoints()
        return known[-1][1] if known else None

    def entry_count(self) -> int:
        """Return how many entries there have been."""
        with self._database.reading("measure the journal") as connection:
            return entry_count(connection, self._tenant)

    def entries(
        self, after: int, until_us: int, end: int | None = None
    ) -> Iterator[Entry]:
        """
        Yield the entries from a number on that happened before an instant.

        ``end`` is a count that :meth:`entry_count` gave: what came later is left.
        """
        while True:
            with self._database.reading("read the journal") as connection:
                found = connection.execute(
                    statements.JOURNAL_PAGE,
                    {**self._of_tenant, "after": after, "limit": _SEGMENTS_AT_ONCE},
                ).all()
            for row in found:
                is_later = end is not None and row.number >= end
                if row.first_us >= until_us or is_later:
                    return
                yield from (
                    entry
                    for entry in unpack_entries(row.segment)
                    if entry.now_us < until_us
                )
                after = row.number + row.entry_count
            if not found:
                return

    def matches(self, after_number: int) -> Iterator[Match]:
        """Yield the matches with a higher number, as they stand, in its order."""
        after_id = match_id(after_number)
        while True:
            found = self._database.many(
                "read matches",
                statements.MATCHES_PAGE,
                codec.MATCHES,
                {**self._of_tenant, "after_id": after_id, "limit": _MATCHES_AT_ONCE},
            )
            yield from found
            if len(found) < _MATCHES_AT_ONCE:
                return
            after_id = found[-1].match_id

    def _refuse_erased(self, from_us: int, at_us: int) -> None:
        program = self._database.one(
            "read a program", statements.PROGRAM, codec.PROGRAMS, self._of_tenant
        )
        if program is not None and at_us <= program.erased_until_us > 0:
            raise StateConflictError(
                "history",
                f"from {utc_text(from_us)}",
                "without the personal data that was erased from it",
                "a replay",
                f"a checkpoint after {utc_text(program.erased_until_us)}",
            )

    def _checkpoint(self, count: int, at_us: int) -> Checkpoint:
        with self._database.reading("read a checkpoint") as connection:
            data = connection.execute(
                statements.CHECKPOINT, {**self._of_tenant, "entry_count": count}
            ).scalar_one()
        return unpack_checkpoint(data, at_us, count)

    def _began_us(self) -> int | None:
        # The first instant of a journal that still has its beginning.
        with self._database.reading("look for a beginning") as connection:
            parameters = {**self._of_tenant, "after": 0, "limit": 1}
            first = connection.execute(statements.JOURNAL_PAGE, parameters).first()
        is_cut = first is None or first.number > 0 or 0 in dict(self.checkpoints())
        return None if first is None or is_cut else int(first.first_us)

    def forget(self, before_us: int) -> int:
        """Delete what only replays before an instant need; return how many segments."""
        before = [count for count, at_us in self.checkpoints() if at_us <= before_us]
        if not before:
            return 0
        parameters = {**self._of_tenant, "before": before[0]}
        with self._database.writing("forget the journal") as connection:
            connection.execute(statements.FORGET_CHECKPOINTS, parameters)
            gone = connection.execute(statements.FORGET_JOURNAL, parameters)
            return gone.rowcount
