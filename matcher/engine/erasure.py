"""Personal data taken out of what is stored about settled rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from matcher.domain.decision import Decision
from matcher.domain.demand import Demand
from matcher.domain.ids import DemandId, MatchId, ReturnId
from matcher.domain.item import Verification
from matcher.domain.latlng import LatLng
from matcher.domain.reason import Check
from matcher.domain.return_item import ReturnItem
from matcher.engine.commands import (
    RecordOutcome,
    RecordVerification,
    SubmitReturns,
    UpsertDemands,
)
from matcher.engine.journal import Checkpoint, Entry, Event, Known
from matcher.engine.records import DemandRecord, ReturnRecord
from matcher.geo import cell_centres, latlng_to_cells

#: What stands in the place of an id or a text that is gone.
ERASED = "erased"

#: A place becomes the centre of its H3 cell of about 12,400 square kilometres.
ERASED_RESOLUTION = 3


@dataclass(frozen=True, slots=True)
class Subjects:
    """
    The rows whose personal data goes.

    ``hand_overs`` gives the return items by their matches: an outcome may name either.
    """

    return_ids: frozenset[ReturnId]
    demand_ids: frozenset[DemandId]
    hand_overs: Mapping[MatchId, ReturnId] = field(default_factory=dict)

    def subject_of(self, command: RecordOutcome) -> ReturnId:
        """Return the item that an outcome is about, as far as it is among these."""
        return command.return_id or self.hand_overs.get(
            command.match_id, command.return_id
        )


def erased_item(item: ReturnItem) -> ReturnItem:
    """Return an item without customer, order, evidence and exact place."""
    evidence = item.verification
    return replace(
        item,
        order_id=ERASED,
        customer_id=ERASED,
        location=_coarse(item.location),
        verification=None if evidence is None else _erased_evidence(evidence),
    )


def erased_return(record: ReturnRecord) -> ReturnRecord:
    """
    Return the record of an item without its personal data.

    The hash of the submission goes too: whoever guesses the data could prove it by it.
    So does the note of its outcome, which is free text; what became of it stays.
    """
    said = record.outcome_record
    if said is not None:
        said = replace(said, outcome=replace(said.outcome, note=""))
    return replace(
        record, item=erased_item(record.item), payload_hash="", outcome_record=said
    )


def erased_demand(record: DemandRecord) -> DemandRecord:
    """Return the record of a demand without its exact place."""
    return replace(record, demand=_erased(record.demand))


def erased_decision(decision: Decision) -> Decision:
    """Return a decision without the ids of its evidence; the rest names nobody."""
    return replace(decision, checks=tuple(map(_erased_check, decision.checks)))


def erased_entry(entry: Entry, subjects: Subjects) -> Entry:
    """Return an entry of the journal without the personal data of some rows."""
    return replace(
        entry,
        event=_erased_event(entry.event, subjects),
        known=_erased_known(entry.known, subjects),
    )


def erased_checkpoint(checkpoint: Checkpoint, subjects: Subjects) -> Checkpoint:
    """Return a checkpoint without the personal data of some rows."""
    rows = checkpoint.rows
    known = Known(rows.demands, rows.returns, checkpoint.decisions)
    known = _erased_known(known, subjects)
    rows = replace(rows, demands=known.demands, returns=known.returns)
    return replace(checkpoint, rows=rows, decisions=known.decisions)


def _erased_event(event: Event, subjects: Subjects) -> Event:
    match event:
        case SubmitReturns():
            gone = [item.return_id in subjects.return_ids for item in event.items]
            pairs = list(zip(event.items, event.payload_hashes, gone, strict=True))
            return SubmitReturns(
                tuple(erased_item(item) if out else item for item, _, out in pairs),
                tuple("" if out else known for _, known, out in pairs),
            )
        case RecordVerification() if event.return_id in subjects.return_ids:
            return replace(event, verification=_erased_evidence(event.verification))
        case RecordOutcome() if subjects.subject_of(event) in subjects.return_ids:
            return replace(event, outcome=replace(event.outcome, note=""))
        case UpsertDemands():
            demands = tuple(
                _erased(each) if each.demand_id in subjects.demand_ids else each
                for each in event.demands
            )
            # Not `replace`: what else a command may carry names them too.
            return UpsertDemands(demands, event.etags)
        case _:
            return event


def _erased_known(known: Known, subjects: Subjects) -> Known:
    return Known(
        tuple(
            erased_demand(each)
            if each.demand.demand_id in subjects.demand_ids
            else each
            for each in known.demands
        ),
        tuple(
            erased_return(each) if each.item.return_id in subjects.return_ids else each
            for each in known.returns
        ),
        tuple(
            erased_decision(each) if each.return_id in subjects.return_ids else each
            for each in known.decisions
        ),
        # They name nobody.
        known.matches,
    )


def _erased(demand: Demand) -> Demand:
    return replace(demand, location=_coarse(demand.location))


def _erased_evidence(evidence: Verification) -> Verification:
    # Method and source are the caller's free texts: they may name an inspector.
    return replace(evidence, method="", source="", source_version="", evidence_id="")


def _erased_check(check: Check) -> Check:
    if not check.evidence_id:
        return check
    observed = ERASED if check.observed == check.evidence_id else check.observed
    return replace(check, observed=observed, evidence_id="")


def _coarse(location: LatLng) -> LatLng:
    cells = latlng_to_cells([location.lat], [location.lng], ERASED_RESOLUTION)
    lat, lng = cell_centres(cells)[0].tolist()
    return LatLng(lat, lng)


class Traces:
    """
    Personal data of some rows as it was met: what answers may still hold.

    Attributes
    ----------
    texts
        Ids of customer, order and evidence, and notes, by return item.
    places
        Locations by demand.
    """

    def __init__(self, subjects: Subjects) -> None:
        self._subjects = subjects
        self.texts: dict[ReturnId, set[str]] = {i: set() for i in subjects.return_ids}
        self.places: dict[DemandId, set[LatLng]] = {
            each: set() for each in subjects.demand_ids
        }

    def note_event(self, event: Event) -> None:
        """Note what an entry of the journal says of the rows."""
        match event:
            case SubmitReturns():
                for item in event.items:
                    self.note_item(item)
            case RecordVerification():
                self._note(event.return_id, event.verification.evidence_id)
            case RecordOutcome():
                self._note(self._subjects.subject_of(event), event.outcome.note)
            case UpsertDemands():
                for demand in event.demands:
                    self.note_demand(demand)
            case _:
                pass

    def note_return(self, record: ReturnRecord) -> None:
        """Note what a record says: its item, and what became of it."""
        self.note_item(record.item)
        if record.outcome_record is not None:
            self._note(record.item.return_id, record.outcome_record.outcome.note)

    def note_item(self, item: ReturnItem) -> None:
        """Note what an item says."""
        self._note(item.return_id, item.customer_id, item.order_id)
        if item.verification is not None:
            self._note(item.return_id, item.verification.evidence_id)

    def note_demand(self, demand: Demand) -> None:
        """Note where a demand is."""
        if demand.demand_id in self.places:
            self.places[demand.demand_id].add(demand.location)

    def note_decision(self, decision: Decision) -> None:
        """Note the evidence that a decision cites."""
        self._note(decision.return_id, *(c.evidence_id for c in decision.checks))

    def _note(self, return_id: ReturnId, *texts: str) -> None:
        if return_id in self.texts:
            self.texts[return_id].update(text for text in texts if text)
