"""A recorded round as it was: its market, its answer and its proof."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matcher.domain.decision import Decision
from matcher.domain.errors import StateConflictError, UnavailableError
from matcher.domain.ids import TenantId
from matcher.engine.changes import Changes
from matcher.engine.journal import Checkpoint, Entry, RoundBegan, RoundFinished
from matcher.engine.limits import ShardLimits
from matcher.engine.records import DemandRecord, RoundRecord
from matcher.engine.round_task import RoundTask, SolvedRound
from matcher.simulate.replay import Player
from matcher.solve import Stop


@dataclass(frozen=True, slots=True)
class RecordedRound:
    """
    A round that was lived again.

    Parameters
    ----------
    solved
        Its task, which has market, policy and records, with its answer and its proof.
    record
        What was recorded of it.
    demands
        The demands that were open when it began, by id.
    decisions
        What it decided, in the order of the log, when it began and when it was
        finished.
    """

    solved: SolvedRound
    record: RoundRecord
    demands: tuple[DemandRecord, ...]
    decisions: tuple[Decision, ...]

    @property
    def task(self) -> RoundTask:
        """What the round took along."""
        return self.solved.task

    def must_be(self, stored: RoundRecord) -> None:
        """
        Raise unless this is what was stored, the bytes of its proof included.

        Raises
        ------
        StateConflictError
            If it is not: another version of the engine decided otherwise.
        """
        if self.record != stored:
            raise StateConflictError(
                "round",
                stored.round_id,
                "recorded by a version of the engine that solved it otherwise",
                "living it again",
                "that version",
            )


def number_of(entity_id: str) -> int:
    """Return the number in the id of a round or decision."""
    return int(entity_id.partition("-")[2])


def recorded_round(
    tenant: TenantId,
    start: Checkpoint,
    entries: Iterable[Entry],
    stored: RoundRecord,
    *,
    limits: ShardLimits | None = None,
    threads: int = 1,
    stop: Stop | None = None,
) -> RecordedRound | None:
    """
    Live again up to a round.

    Parameters
    ----------
    tenant
        Whose round it was.
    start
        Rows from before the round was begun.
    entries
        What happened from then on; read no further than needed.
    stored
        What is known of the round.
    limits
        Those of the shard.
    threads
        Threads that solve; no influence on the answer.
    stop
        Ends it when it is requested.

    Returns
    -------
    RecordedRound or None
        The round; ``None`` if the entries do not go that far.

    Raises
    ------
    UnavailableError
        If it was stopped.

    Notes
    -----
    Memory goes with the rows of the checkpoint and of what happened since, which is a
    day at most: nothing else of what was lived is kept.
    """
    player = Player(tenant, start, limits=limits, threads=threads, stop=stop)
    asked = number_of(stored.round_id)
    count = start.rows.round_count
    demands: tuple[DemandRecord, ...] = ()
    begun = Changes()
    for entry in entries:
        changes = player.play(entry)
        refuse_if_stopped(stop)
        match entry.event:
            case RoundBegan():
                # Only the last one before the round is finished is its own.
                if count + 1 == asked:
                    demands = tuple(player.store.open_demands())
                    begun = changes
            case RoundFinished():
                count += 1
                if count == asked:
                    return _recorded(player, changes, demands, begun)
            case _:
                pass
    return None


def refuse_if_stopped(stop: Stop | None) -> None:
    """Raise :class:`UnavailableError` if an end was asked for."""
    if stop is not None and stop.is_requested:
        raise UnavailableError("living the past again was stopped")


def _recorded(
    player: Player,
    changes: Changes,
    demands: tuple[DemandRecord, ...],
    begun: Changes,
) -> RecordedRound:
    assert player.solved is not None, "a round was finished"
    (record,) = changes.rounds
    decisions = (*begun.decisions, *changes.decisions)
    return RecordedRound(player.solved, record, demands, decisions)
