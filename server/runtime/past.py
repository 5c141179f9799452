"""What is recorded, lived again: rounds, and refusals of a volume cap."""

from __future__ import annotations

from collections.abc import Iterator

from matcher.domain.decision import Decision
from matcher.domain.errors import NotFoundError, StateConflictError
from matcher.domain.ids import RoundId, TenantId
from matcher.domain.instant import utc_text
from matcher.engine.journal import Checkpoint, Entry
from matcher.engine.records import RoundRecord
from matcher.explain.settled_market import SettledMarket
from matcher.simulate.recorded_admission import Asking, recorded_asking
from matcher.simulate.recorded_round import (
    RecordedRound,
    number_of,
    recorded_round,
)
from matcher.solve import Stop
from server.runtime.limits_of import LimitsOf, past_limits
from server.storage.store import History, Store

#: Open demands of the largest market that is kept for the next question.
KEPT_DEMANDS_MAX = 200_000

_FOREVER_US = 2**63 - 1


class Past:
    """
    The past of the shards in a store, as far back as their journals go.

    Used by one thread at a time, and not by the one that works on the shards. Keeps
    the market of one round, unless it is a large one, so that many questions about it
    live it once.

    Parameters
    ----------
    store
        Where the journals are.
    limits
        Of each shard.
    threads
        Threads that solve.
    """

    def __init__(self, store: Store, limits: LimitsOf, threads: int) -> None:
        self._store = store
        self._limits = limits
        self._threads = threads
        self._kept: tuple[tuple[TenantId, RoundId], SettledMarket] | None = None

    @property
    def store(self) -> Store:
        """Where the rows are."""
        return self._store

    def stored_round(self, tenant: TenantId, round_id: RoundId) -> RoundRecord:
        """Return what is stored of a round, or raise :class:`NotFoundError`."""
        stored = self._store.round(tenant, round_id)
        if stored is None:
            raise NotFoundError("round", round_id)
        return stored

    def round(self, tenant: TenantId, round_id: RoundId, stop: Stop) -> RecordedRound:
        """
        Live a round again.

        Raises
        ------
        NotFoundError
            If there is no such round.
        StateConflictError
            If its past is not kept any more.
        UnavailableError
            If it was stopped.
        """
        stored = self.stored_round(tenant, round_id)
        history = self._store.history(tenant)
        for start in history.starts(stored.started_us):
            if start.rows.round_count < number_of(round_id):
                found = recorded_round(
                    tenant,
                    start,
                    _entries(history, start),
                    stored,
                    limits=past_limits(self._limits(tenant)),
                    threads=self._threads,
                    stop=stop,
                )
                if found is not None:
                    return found
                break
        raise _not_kept("round", round_id, history)

    def market(self, tenant: TenantId, round_id: RoundId, stop: Stop) -> SettledMarket:
        """
        Return the market of a round with its answer, as it was.

        Raises
        ------
        NotFoundError, StateConflictError, UnavailableError
            As :meth:`round` does; StateConflictError too if the round ends otherwise
            than it did.
        """
        asked = (tenant, round_id)
        if self._kept is not None and self._kept[0] == asked:
            return self._kept[1]
        self._kept = None
        found = self.round(tenant, round_id, stop)
        found.must_be(self.stored_round(tenant, round_id))
        market = SettledMarket.of_round(found.task, found.solved.solved, found.demands)
        is_small = len(market.demands) <= KEPT_DEMANDS_MAX
        self._kept = (asked, market) if is_small else None
        return market

    def asking(self, tenant: TenantId, refused: Decision, stop: Stop) -> Asking:
        """
        Return how a volume cap came to refuse an item.

        Raises
        ------
        StateConflictError
            If its past is not kept any more.
        UnavailableError
            If it was stopped.
        """
        history = self._store.history(tenant)
        for start in history.starts(refused.decided_us):
            if start.rows.decision_count < number_of(refused.decision_id):
                found = recorded_asking(
                    tenant,
                    start,
                    _entries(history, start),
                    refused.decision_id,
                    limits=past_limits(self._limits(tenant)),
                    stop=stop,
                )
                if found is not None:
                    return found
                break
        raise _not_kept("decision", refused.decision_id, history)


def _entries(history: History, start: Checkpoint) -> Iterator[Entry]:
    return history.entries(start.entry_count, _FOREVER_US)


def _not_kept(kind: str, entity_id: str, history: History) -> StateConflictError:
    from_us = history.kept_from_us()
    kept = "nothing" if from_us is None else f"what happened since {utc_text(from_us)}"
    return StateConflictError(
        kind,
        entity_id,
        "not in the history that is kept",
        "living it again",
        f"one of that history, which is {kept}",
    )
