"""The promise of one demand unit to one return item."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.ids import DemandId, LabelId, MatchId, ReturnId, RoundId
from matcher.domain.match_label import MatchLabel
from matcher.domain.match_limit import LimitKey


class HoldState(IntEnum):
    """Where the hold of a match is in its life."""

    UNSPECIFIED = 0
    ACTIVE = 1
    CONFIRMED = 2
    RELEASED = 3
    EXPIRED = 4


@dataclass(frozen=True, slots=True)
class Match:
    """
    A promise with its terms.

    ``saving_micros`` is ``fallback_cost_micros`` less ``match_cost_micros``, plus
    the value of the demand's priority. An estimate: it prices two ways of which
    only one is gone. ``places`` are what it counts for under match limits: a place of
    each is taken, and given back if it ends unconfirmed the same day. ``extended_us``
    and ``ended_us`` are when its hold was extended, and when it was confirmed, released
    or ran out. ``labels`` are all that were recorded for it, the oldest first; at most
    one of them is active.
    """

    match_id: MatchId
    return_id: ReturnId
    demand_id: DemandId
    distance_m: int
    match_cost_micros: int
    fallback_cost_micros: int
    saving_micros: int
    hold_state: HoldState
    hold_expire_us: int
    round_id: RoundId
    policy_version: int
    version: int = 1
    places: tuple[LimitKey, ...] = ()
    extended_us: int | None = None
    ended_us: int | None = None
    labels: tuple[MatchLabel, ...] = ()

    def __post_init__(self) -> None:
        active = [each for each in self.labels if each.state.is_active]
        assert len(active) <= 1, f"match {self.match_id!r} has two active labels"

    @property
    def must_void_ids(self) -> tuple[LabelId, ...]:
        """Labels that the brand's label system still has to void."""
        return tuple(each.label_id for each in self.labels if each.must_void)
