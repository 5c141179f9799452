"""Takes the personal data of erased rows out of all that is stored about them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from matcher.domain.ids import TenantId
from matcher.domain.latlng import LatLng
from matcher.engine.changes import Changes
from matcher.engine.erasure import (
    Subjects,
    Traces,
    erased_checkpoint,
    erased_decision,
)
from server.storage import codec, statements
from server.storage.id_batches import id_batches
from server.storage.journal_codec import (
    erase_entries,
    pack_checkpoint,
    unpack_checkpoint,
)

# Nothing was said of a row before it was created.
_NEVER_US = 2**63 - 1


class Clearing:
    """
    One erasure, carried out inside the transaction that writes the erased rows.

    Decisions lose the ids of their evidence; segments of the journal and checkpoints
    are written anew; answers to request ids that hold any of it are deleted, for what
    they say cannot be given again. Time goes with the journal since the oldest of the
    rows was created.

    Parameters
    ----------
    tenant
        Whose rows.
    changes
        Names the erased rows.
    """

    def __init__(self, tenant: TenantId, changes: Changes) -> None:
        self._of_tenant = {"tenant": tenant}
        self._subjects = Subjects(
            frozenset(changes.erased_returns),
            frozenset(changes.erased_demands),
            {
                changes.returns[each].match_id: each
                for each in changes.erased_returns
                if changes.returns[each].match_id
            },
        )
        self._traces = Traces(self._subjects)
        created = [
            *(changes.returns[each].created_us for each in changes.erased_returns),
            *(changes.demands[each].created_us for each in changes.erased_demands),
        ]
        self._since_us = min(created, default=_NEVER_US)

    def look(self, connection: Connection) -> None:
        """Note what the rows say before they are replaced."""
        for ids in id_batches(self._subjects.return_ids):
            found = connection.execute(
                statements.SOME_RETURNS, {**self._of_tenant, "ids": ids}
            )
            for record in codec.RETURNS.decode_all(found.scalars()):
                self._traces.note_return(record)
        for ids in id_batches(self._subjects.demand_ids):
            found = connection.execute(
                statements.SOME_DEMANDS, {**self._of_tenant, "ids": ids}
            )
            for wanted in codec.DEMANDS.decode_all(found.scalars()):
                self._traces.note_demand(wanted.demand)

    def clear(self, connection: Connection) -> None:
        """Clear the decisions, the journal, the checkpoints and the answers."""
        self._clear_decisions(connection)
        self._clear_journal(connection)
        self._clear_checkpoints(connection)
        self._clear_answers(connection)

    def _clear_decisions(self, connection: Connection) -> None:
        for ids in id_batches(self._subjects.return_ids):
            rows = connection.execute(
                statements.DECISIONS_OF_RETURNS, {**self._of_tenant, "ids": ids}
            ).all()
            for sequence, document in rows:
                decision = codec.DECISIONS.decode(document)
                self._traces.note_decision(decision)
                row = {
                    **self._key(its_sequence=sequence),
                    "document": codec.DECISIONS.encode(erased_decision(decision)),
                }
                connection.execute(statements.REPLACE_DECISION, row)

    def _clear_journal(self, connection: Connection) -> None:
        since = {**self._of_tenant, "since_us": self._since_us}
        changed = []
        with connection.execute(statements.JOURNAL_SINCE, since) as found:
            for number, segment in found:
                cleared = erase_entries(segment, self._subjects, self._traces)
                if cleared is not None:
                    changed.append({**self._key(its_number=number), "segment": cleared})
        if changed:
            connection.execute(statements.REPLACE_SEGMENT, changed)

    def _clear_checkpoints(self, connection: Connection) -> None:
        changed = []
        with connection.execute(statements.CHECKPOINT_ROWS, self._of_tenant) as found:
            for entry_count, at_us, rows in found:
                made = unpack_checkpoint(rows, at_us, entry_count)
                cleared = erased_checkpoint(made, self._subjects)
                if cleared != made:
                    key = self._key(its_entry_count=entry_count)
                    changed.append({**key, "rows": pack_checkpoint(cleared)})
        if changed:
            connection.execute(statements.REPLACE_CHECKPOINT, changed)

    def _clear_answers(self, connection: Connection) -> None:
        telling = list(_telling(self._traces))
        with connection.execute(statements.ANSWERS, self._of_tenant) as found:
            gone = [
                {**self._of_tenant, "request_id": request_id}
                for request_id, answer in found
                if any(_tells(answer, *each) for each in telling)
            ]
        if gone:
            connection.execute(statements.DROP_ANSWER, gone)

    def _key(self, **of: object) -> dict[str, object]:
        return {"its_tenant": self._of_tenant["tenant"], **of}


def _telling(traces: Traces) -> Iterator[tuple[bytes, list[bytes]]]:
    # What names each row in an answer, and what of it is personal.
    for return_id, texts in traces.texts.items():
        yield _field(return_id), [_field(text) for text in sorted(texts)]
    for demand_id, places in traces.places.items():
        yield _field(demand_id), [each for at in places for each in _degrees(at)]


def _tells(answer: bytes, name: bytes, personal: Sequence[bytes]) -> bool:
    return name in answer and any(each in answer for each in personal)


def _field(text: str) -> bytes:
    # A text of a message stands behind its length, as a number of 7 bits a byte.
    encoded = text.encode()
    size = len(encoded)
    head = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return head + encoded


def _degrees(location: LatLng) -> list[bytes]:
    # Zero is left out of a message; a place without any other number is no secret.
    return [struct.pack("<d", each) for each in (location.lat, location.lng) if each]
