"""Units and places that are promised: of every match, counted once more."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from matcher.domain.demand import DemandState
from matcher.domain.ids import DemandId, MatchId, ReturnId, RoundId
from matcher.domain.match import HoldState, Match
from matcher.engine.records import DemandRecord
from server.storage import codec
from server.storage.audit.decision_log import DecisionLog, number_of
from server.storage.audit.table_reader import TableReader
from server.storage.rows import demand_row, match_row
from server.storage.tables import demands, match_counts, matches

PROMISED = (HoldState.ACTIVE, HoldState.CONFIRMED)

#: A place under a match limit, as the columns of its row.
Place = tuple[int, int, int, str]


@dataclass(slots=True)
class Promises:
    """
    What the matches of a tenant come to.

    Attributes
    ----------
    hold
        The match that a return item holds or has confirmed, with its state.
    held, confirmed
        Units by demand.
    of_round
        Matches by the round that made them.
    places
        Places taken under match limits, less those given back.
    highest
        The highest number of a match.
    """

    hold: dict[ReturnId, tuple[MatchId, HoldState]] = field(default_factory=dict)
    held: Counter[DemandId] = field(default_factory=Counter)
    confirmed: Counter[DemandId] = field(default_factory=Counter)
    of_round: Counter[RoundId] = field(default_factory=Counter)
    places: Counter[Place] = field(default_factory=Counter)
    highest: int = 0

    def note(self, match: Match, *, keeps_places: bool) -> None:
        """Take in a match."""
        self.highest = max(self.highest, number_of(match.match_id))
        self.of_round[match.round_id] += 1
        if match.hold_state in PROMISED:
            self.hold[match.return_id] = match.match_id, match.hold_state
            is_held = match.hold_state is HoldState.ACTIVE
            (self.held if is_held else self.confirmed)[match.demand_id] += 1
        if keeps_places:
            self.places.update(
                (place.day, int(place.scope), place.resolution, place.key)
                for place in match.places
            )


def read_promises(reader: TableReader, log: DecisionLog) -> Promises:
    """
    Read the matches of a tenant, and report what is wrong with them.

    Each was decided for its return item, and no item is promised to two buyers.
    """
    promises = Promises()
    unseen = dict(log.made)
    for _, match in reader.records(matches, codec.MATCHES, match_row):
        if unseen.pop(match.match_id, None) != match.return_id:
            reader.report(matches, match.match_id, "no decision made it for its return")
        if match.hold_state in PROMISED and match.return_id in promises.hold:
            other = promises.hold[match.return_id][0]
            reader.report(
                matches, match.match_id, f"its return is promised in {other!r}, too"
            )
        promises.note(match, keeps_places=_keeps_places(match, log))
    for match_id in unseen:
        reader.report(matches, match_id, "a decision names it, and it is not there")
    return promises


def _keeps_places(match: Match, log: DecisionLog) -> bool:
    # Places are given back if a match ends unconfirmed on the day it was made.
    if match.hold_state in PROMISED:
        return True
    made = log.made_day.get(match.match_id)
    return made is None or log.ended_day.get(match.match_id) != made


def check_demands(reader: TableReader, promises: Promises) -> None:
    """Report demands whose units are not those of the matches (I2)."""
    unseen = {*promises.held, *promises.confirmed}
    for _, record in reader.records(demands, codec.DEMANDS, demand_row):
        demand_id = record.demand.demand_id
        unseen.discard(demand_id)
        for name, stored, counted in (
            ("held_count", record.held_count, promises.held[demand_id]),
            ("fulfilled_count", record.fulfilled_count, promises.confirmed[demand_id]),
        ):
            if stored != counted:
                reader.report(
                    demands, demand_id, f"{name} is {stored}, of its matches {counted}"
                )
        _check_units(reader, record)
    for demand_id in sorted(unseen):
        reader.report(demands, demand_id, "a match promises it, and it is not there")


def _check_units(reader: TableReader, record: DemandRecord) -> None:
    demand, promised = record.demand, record.held_count + record.fulfilled_count
    if promised > demand.quantity:
        reader.report(
            demands,
            demand.demand_id,
            f"{promised} units are promised of {demand.quantity}",
        )
    is_fulfilled = record.fulfilled_count == demand.quantity
    if (record.state is DemandState.FULFILLED) and not is_fulfilled:
        reader.report(
            demands,
            demand.demand_id,
            f"it is FULFILLED with {record.fulfilled_count} of {demand.quantity} units",
        )


def check_places(reader: TableReader, promises: Promises) -> None:
    """Report places under match limits that are not those of the matches (I3)."""
    left = Counter(promises.places)
    for row in reader.rows(match_counts):
        place = (row.day, row.scope, row.resolution, row.key)
        counted = left.pop(place, 0)
        if row.match_count != counted:
            reader.report(
                match_counts,
                place,
                f"match_count is {row.match_count}, of the matches {counted}",
            )
    for place, counted in left.items():
        reader.report(match_counts, place, f"{counted} matches count for no row")
