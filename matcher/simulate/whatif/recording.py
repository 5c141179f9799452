"""A timeline out of a journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import get_args

from matcher.domain.demand import DemandState as OrderState
from matcher.domain.ids import DemandId, MatchId, ReturnId, TenantId
from matcher.domain.match import HoldState, Match
from matcher.domain.return_item import ReturnItem
from matcher.engine.archive import LiveRows
from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    Command,
    ConfirmMatch,
    CreatePolicy,
    ExtendMatch,
    PauseProgram,
    RecordOutcome,
    RecordVerification,
    ReleaseMatch,
    ReleaseMatches,
    ResumeProgram,
    SubmitReturns,
    Tick,
    UpsertDemands,
)
from matcher.engine.commands import Setting as SettingCommand
from matcher.engine.journal import (
    Checkpoint,
    Entry,
    RoundBegan,
    RoundFinished,
    ShadowsBegan,
    ShadowsFinished,
)
from matcher.engine.ledger import round_id
from matcher.engine.records import ReturnRecord
from matcher.engine.shard import Shard
from matcher.simulate.replay_store import ReplayStore
from matcher.simulate.whatif.timeline import (
    NEVER,
    Arrival,
    DemandState,
    Extension,
    Fate,
    FateKind,
    Inspection,
    Report,
    RoundStart,
    Setting,
    Timeline,
)

_SETTINGS = get_args(SettingCommand)
_FATES = {ConfirmMatch: FateKind.CONFIRMED, ReleaseMatch: FateKind.RELEASED}
_GOES_ON = (OrderState.OPEN, OrderState.HELD)


def timeline_of(
    tenant: TenantId,
    start: Checkpoint,
    entries: Iterable[Entry],
    matches: Iterable[Match],
    *,
    end_us: int,
    count_from_us: int = 0,
) -> Timeline:
    """
    Take out of a journal what does not depend on what was decided.

    Parameters
    ----------
    tenant
        Whose journal it is.
    start
        The rows before the first entry.
    entries
        What happened from then on, in order and without gaps.
    matches
        Every match that was made since, and those that were held at the start, as they
        stand now; those that were made after the end are left out.
    end_us
        Where the timeline ends, microseconds since the epoch.
    count_from_us
        Items that came in before are not counted.

    Returns
    -------
    Timeline
        Matches that were confirmed, released or left to run out are fates of their
        return items: their callers are taken to do the same with another match. Pauses
        by guardrails are left out: they depend on what was decided.
    """
    reader = _Reader(tenant, start)
    for entry in entries:
        reader.read(entry)
    return replace(reader.timeline(matches, end_us), count_from_us=count_from_us)


class _Reader:
    # Collects what entries say, one after the other.
    def __init__(self, tenant: TenantId, start: Checkpoint) -> None:
        rows = start.rows
        self._start = start
        self._settings = _settings_shard(tenant, start)
        self._log = [self._setting(start.at_us, 0)]
        self._demands = {
            row.demand.demand_id: [
                DemandState(
                    row.demand,
                    0,
                    # A demand that ended goes on holding what it promised.
                    NEVER if row.state in _GOES_ON else 0,
                    row.held_count + row.fulfilled_count,
                    row.fulfilled_count,
                )
            ]
            for row in rows.demands
        }
        self._arrivals = {
            record.item.return_id: Arrival(
                record.item,
                record.created_us,
                0,
                admission=record.admission,
                reason_codes=record.reason_codes,
                released_demand_ids=record.released_demand_ids,
                seen_demand=record.seen_demand,
            )
            for record in rows.returns
        }
        self._inspections: list[Inspection] = []
        self._latest: dict[ReturnId, ReturnItem] = {}
        self._rounds: list[RoundStart] = []
        self._finished_us: dict[str, int] = {}
        self._round_count = rows.round_count
        self._moved_us: dict[tuple[MatchId, FateKind], int] = {}
        # By the instant that matches have it as their end.
        self._released_us: dict[int, int] = {}
        self._extended: dict[MatchId, tuple[int, int | None]] = {}
        self._held = {match.match_id: match for match in rows.matches}
        self._told: list[tuple[int, int, RecordOutcome]] = []
        # Items that were settled before the start, as they were when asked for.
        self._settled: dict[ReturnId, ReturnRecord] = {}
        self._return_of: dict[MatchId, ReturnId] = {}
        self._times_us = [start.at_us]

    def read(self, entry: Entry) -> None:
        """Take what one entry says."""
        # A clock that was set back by a restart counts as standing still.
        now_us, order = max(self._times_us[-1], entry.now_us), len(self._times_us)
        self._times_us.append(now_us)
        match entry.event:
            case RoundBegan():
                self._rounds.append(RoundStart(now_us, order))
            case RoundFinished():
                self._round_count += 1
                self._finished_us[round_id(self._round_count)] = now_us
            case ShadowsBegan() | ShadowsFinished():
                # They follow from the rest, and change nothing of it.
                pass
            case Tick():
                pass
            case RecordOutcome() as told:
                self._told.append((now_us, order, told))
                for record in entry.known.returns:
                    self._settled.setdefault(record.item.return_id, record)
                for match in entry.known.matches:
                    self._return_of[match.match_id] = match.return_id
            case PauseProgram() | ResumeProgram() as steering:
                setting = self._setting(now_us, order)
                self._log.append(replace(setting, steering=steering))
            case ConfirmMatch() | ReleaseMatch() as moved:
                self._moved_us[moved.match_id, _FATES[type(moved)]] = now_us
            case ReleaseMatches():
                self._released_us[entry.now_us] = now_us
            case ExtendMatch() as extended:
                self._extended[extended.match_id] = now_us, extended.span_us
            case command:
                self._carry_out(command, now_us, order)

    def _carry_out(self, command: Command, now_us: int, order: int) -> None:
        match command:
            case UpsertDemands():
                for demand in command.demands:
                    states = self._demands.setdefault(demand.demand_id, [])
                    if not states or states[-1].demand != demand:
                        _end(states, order)
                        states.append(DemandState(demand, order))
            case CancelDemand():
                _end(self._demands[command.demand_id], order)
            case SubmitReturns():
                for item in command.items:
                    arrival = Arrival(item, now_us, order)
                    self._arrivals.setdefault(item.return_id, arrival)
            case RecordVerification():
                item = self._latest.get(
                    command.return_id, self._arrivals[command.return_id].item
                )
                item = replace(item, verification=command.verification)
                self._inspections.append(Inspection(now_us, order, item))
                self._latest[command.return_id] = item
            case CancelReturn():
                self._arrivals[command.return_id] = replace(
                    self._arrivals[command.return_id],
                    cancel_us=now_us,
                    cancel_order=order,
                )
            case _ if isinstance(command, _SETTINGS):
                self._set(command, now_us, order)
            case _:
                pass

    def _set(self, command: SettingCommand, now_us: int, order: int) -> None:
        if not isinstance(command, CreatePolicy):
            # It was the current one, of a program with everything in it.
            command = replace(command, etag="")
        self._settings.apply(command, now_us)
        self._settings.take_changes()
        self._log.append(self._setting(now_us, order))

    def timeline(self, matches: Iterable[Match], end_us: int) -> Timeline:
        """Return all of it."""
        fates: dict[str, list[Fate]] = {}
        buyers: dict[ReturnId, DemandId] = {}
        # Match ids rise with time.
        for match in sorted(filter(self._is_known, matches), key=_number):
            self._return_of[match.match_id] = match.return_id
            if match.hold_state is HoldState.CONFIRMED:
                buyers[match.return_id] = match.demand_id
            fates.setdefault(match.return_id, []).append(self._fate(match))
        arrivals = [
            replace(each, fates=tuple(fates.get(each.item.return_id, ())))
            for each in self._arrivals.values()
        ]
        rows = self._start.rows
        return Timeline(
            start_us=self._start.at_us,
            end_us=end_us,
            demands=tuple(
                state for _, states in sorted(self._demands.items()) for state in states
            ),
            arrivals=tuple(sorted(arrivals, key=_place)),
            inspections=tuple(self._inspections),
            settings=tuple(self._log),
            rounds=tuple(self._rounds),
            times_us=tuple(self._times_us),
            finished_us=self._finished_us,
            held=rows.matches,
            volume_hours=rows.volume_hours,
            match_counts=rows.match_counts,
            reports=tuple(self._reports(buyers)),
            program=rows.program,
            guardrail_days=rows.guardrail_days,
            warehouse_days=rows.warehouse_days,
            sku_days=rows.sku_days,
        )

    def _is_known(self, match: Match) -> bool:
        # Of a round behind the end nothing was read, nor maybe of its return item.
        return match.round_id in self._finished_us or match.match_id in self._held

    def _setting(self, at_us: int, order: int) -> Setting:
        shard = self._settings
        return Setting(at_us, order, shard.network, shard.policy)

    def _reports(self, buyers: Mapping[ReturnId, DemandId]) -> Iterator[Report]:
        for now_us, order, told in self._told:
            return_id = told.return_id or self._return_of[told.match_id]
            if (buyer := buyers.get(return_id)) is not None:
                item = self._arrivals[return_id].item
                yield Report(now_us, order, told.outcome, item, buyer)
            # What went to a warehouse counts for no guardrail.
            elif (old := self._settled.get(return_id)) and old.is_confirmed:
                item, before = old.item, old.outcome_record
                yield Report(now_us, order, told.outcome, item, before=before)

    def _fate(self, match: Match) -> Fate:
        # A match from before the start counts from there.
        made_us = self._finished_us.get(match.round_id, self._start.at_us)
        extension = self._extension(match, made_us)
        for kind in (FateKind.CONFIRMED, FateKind.RELEASED):
            moved_us = self._moved_us.get((match.match_id, kind))
            if moved_us is not None:
                return Fate(kind, moved_us - made_us, extension)
        released_us = self._released_with_others_us(match)
        if released_us is not None:
            return Fate(FateKind.RELEASED, released_us - made_us, extension)
        return Fate(FateKind.NOTHING, extension=extension)

    def _extension(self, match: Match, made_us: int) -> Extension | None:
        if match.match_id not in self._extended:
            return None
        at_us, span_us = self._extended[match.match_id]
        before = self._held.get(match.match_id)
        if before is not None:
            # The policy that made it may not be in force any more: what came of it.
            span_us = match.hold_expire_us - before.hold_expire_us
        return Extension(at_us - made_us, NEVER if span_us is None else span_us)

    def _released_with_others_us(self, match: Match) -> int | None:
        # No command names it. A return that is called off releases its match too.
        if match.hold_state is not HoldState.RELEASED or match.ended_us is None:
            return None
        released_us = self._released_us.get(match.ended_us)
        called_off_us = self._arrivals[match.return_id].cancel_us
        return None if released_us == called_off_us else released_us


def _settings_shard(tenant: TenantId, start: Checkpoint) -> Shard:
    # One that holds nothing but settings: it knows what each of them does to the rest.
    rows = LiveRows(
        policies=start.rows.policies,
        program=start.rows.program,
        warehouses=start.rows.warehouses,
        service_areas=start.rows.service_areas,
    )
    store = ReplayStore(Checkpoint(start.at_us, 0, rows))
    return Shard(tenant, store, rows, now_us=start.at_us)


def _end(states: list[DemandState], order: int) -> None:
    if states and states[-1].until_order > order:
        states[-1] = replace(states[-1], until_order=order)


def _number(match: Match) -> MatchId:
    return match.match_id


def _place(arrival: Arrival) -> tuple[int, str]:
    return arrival.created_us, arrival.item.return_id
