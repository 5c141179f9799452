"""The highest numbers that a tenant was ever given, by kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from matcher.domain.ids import TenantId
from matcher.engine.changes import Changes
from server.storage import statements
from server.storage.prepared import Asked, fetch


@dataclass(frozen=True, slots=True)
class Counters:
    """
    Numbers of one tenant, each 0 before the first.

    ``sequence`` is the place of the last decision in the log; the others are the
    highest number in the id of a decision, a match and a round. None ever falls,
    be the rows still there or not.
    """

    sequence: int = 0
    decision_count: int = 0
    match_count: int = 0
    round_count: int = 0

    def after(self, changes: Changes) -> Counters:
        """Return the counters once the changes are stored, too."""
        decision_ids = (decision.decision_id for decision in changes.decisions)
        round_ids = (record.round_id for record in changes.rounds)
        return Counters(
            self.sequence + len(changes.decisions),
            max(self.decision_count, _highest(decision_ids)),
            max(self.match_count, _highest(changes.matches)),
            max(self.round_count, _highest(round_ids)),
        )


def read_counters(connection: Connection, tenant: TenantId) -> Counters:
    """Return a tenant's counters as its last commit left them."""
    return counters_of(fetch(connection, *counters_asked(tenant)))


def counters_asked(tenant: TenantId) -> Asked:
    """Return what :func:`counters_of` takes the rows of."""
    return Asked(statements.COUNTERS, {"tenant": tenant})


def counters_of(rows: Sequence[tuple[int, ...]]) -> Counters:
    """Return the counters of a tenant, from the rows that were asked for."""
    return Counters(*rows[0]) if rows else Counters()


def _highest(ids: Iterable[str]) -> int:
    # The engine gives these ids: a letter, a dash, a number. Compared as numbers,
    # for beyond twelve digits the padding ends and the order of texts with it.
    return max((int(each.partition("-")[2]) for each in ids), default=0)
