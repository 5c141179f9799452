"""The promise of one demand unit to one return item."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.ids import DemandId, MatchId, ReturnId, RoundId
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
    each is taken, and given back if it ends unconfirmed the same day.
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
