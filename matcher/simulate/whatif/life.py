"""The life of a timeline under one variant, without a word about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from matcher.domain.mode import Mode
from matcher.domain.policy import Policy
from matcher.domain.reason import Gate, ReasonCode
from matcher.engine.network_book import DAY_US
from matcher.simulate.whatif.codes import bit, bits_of
from matcher.simulate.whatif.course import Course, Ending, SolvedRound
from matcher.simulate.whatif.demand_units import DemandUnits
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.fates import Fates
from matcher.simulate.whatif.happenings import Happening, Happenings, Kind, foreseen
from matcher.simulate.whatif.market import Matched, Scene, found_bits, solve
from matcher.simulate.whatif.match_places import MatchPlaces
from matcher.simulate.whatif.near import Near
from matcher.simulate.whatif.reception import PAUSED, PENDING, Reception
from matcher.simulate.whatif.standings import Standings
from matcher.simulate.whatif.terms import Terms
from matcher.simulate.whatif.timeline import NEVER, RoundStart, Setting
from matcher.simulate.whatif.watch import Watch
from matcher.simulate.whatif.yard import Exit, Yard

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: The terms of a setting; ``None`` where no policy is in force.
TermsOf = Callable[[Setting], Terms | None]

_LATE = bit(ReasonCode.DECIDE_BY_REACHED)
_MATCHED = bit(ReasonCode.MATCHED_BEST_SAVING)
_CANCELLED = bit(ReasonCode.RETURN_CANCELLED)
_RELEASED = bit(ReasonCode.MATCH_RELEASED)
_HOLD_EXPIRED = bit(ReasonCode.HOLD_EXPIRED)


class Life:
    """
    Lives a timeline under one variant, round by round.

    Decides as a shard does, to the return item, its buyer and its reasons; rounds take
    no time, and a caller does with a match what the caller of that return did with its
    own. What a shard says about it is left out, and so is all that no variant changes:
    pairs, gates, prices.

    Parameters
    ----------
    facts
        What happened.
    near
        Which items have a pair with a demand.
    terms_of
        The terms under each setting.
    watch
        Told of what makes a round due.
    pulse
        Called at every round; may raise to end it.
    threads
        Threads that solve; without influence on the course.
    """

    def __init__(
        self,
        facts: Facts,
        near: Near,
        terms_of: TermsOf,
        *,
        watch: Watch | None = None,
        pulse: Callable[[], None] = lambda: None,
        threads: int = 1,
    ) -> None:
        self._facts = facts
        self._items = facts.items
        self._near = near
        self._terms_of = terms_of
        self._watch = watch or Watch()
        self._pulse = pulse
        self._threads = threads
        timeline = facts.timeline
        self._at = Standings(len(facts.items.items))
        self._released: dict[int, frozenset[int]] = {}
        self._setting, *self._settings = timeline.settings
        self._terms = terms_of(self._setting)
        self._units = DemandUnits(facts)
        self._reception = Reception(facts, self._setting, self._terms, self._units)
        self._places = MatchPlaces(facts)
        self._happenings = Happenings()
        self._fates = Fates(facts, self._at, self._units, self._happenings)
        self._yard = Yard(facts, self._setting.network, timeline.warehouse_days)
        self._exits: list[Exit] = []
        self._arrived = self._deadline_at = self._order = 0
        self._by_order = np.argsort(facts.items.order, kind="stable")
        self._by_deadline = np.argsort(facts.items.deadline_us, kind="stable")
        self._orders_sorted = facts.items.order[self._by_order]
        self._deadlines_sorted = facts.items.deadline_us[self._by_deadline]
        self._scene: Scene | None = None
        self._open_warehouses = b""
        self._rounds: list[SolvedRound] = []
        self._round_count = 0
        self._begin()

    def run(self, rounds: Iterable[RoundStart]) -> Course:
        """Live all of it; ``rounds`` are asked for one after the other."""
        for start in rounds:
            self._round(start)
        self.advance(self._facts.timeline.end_us, NEVER)
        return self._at.course(
            self._reception.is_eligible, self._rounds, self._round_count
        )

    def advance(self, until_us: int, before_order: int) -> None:
        """Let happen what happens up to an instant, commands before a place only."""
        while self._settings and self._settings[0].order < before_order:
            self._set(self._settings.pop(0))
        self._advance(until_us, before_order)

    def next_happening_us(self, after_us: int) -> int:
        """Return when something happens next to a single item or demand."""
        return max(after_us + 1, self._happenings.next_us())

    @property
    def live_count(self) -> int:
        """Items that wait or are matched."""
        return int(np.isin(self._at.ending, (Ending.WAITING, Ending.HELD)).sum())

    # --- The beginning ----------------------------------------------------------

    def _begin(self) -> None:
        timeline = self._facts.timeline
        for each in foreseen(self._facts, self._units):
            self._happenings.add(each)
        # Whoever waited at the start is looked at anew in the first round.
        old = np.nonzero(self._items.order == 0)[0]
        self._arrived = len(old)
        self._at.ending[old] = Ending.WAITING
        self._at.is_stale[old] = self._reception.is_eligible[old] = True
        unit_of = {each: at for at, each in enumerate(self._facts.orders.demand_ids)}
        for row in old.tolist():
            arrival = timeline.arrivals[row]
            codes = (each for each in arrival.reason_codes if each.gate is Gate.DEMAND)
            self._at.found_before[row] = bits_of(codes)
            gone = (unit_of[d] for d in arrival.released_demand_ids if d in unit_of)
            if units := frozenset(gone):
                self._released[row] = units
        self._hold_at_start()
        waits = old[self._at.ending[old] == Ending.WAITING]
        self._watch.entered(waits, self._items.deadline_us[waits])

    def _hold_at_start(self) -> None:
        orders, timeline = self._facts.orders, self._facts.timeline
        number = {each: at for at, each in enumerate(orders.demand_ids)}
        for match in timeline.held:
            row = self._items.row_of[match.return_id]
            self._at.ending[row] = Ending.HELD
            self._at.is_stale[row] = False
            self._at.state[row] = orders.first_state[number[match.demand_id]]
            self._at.distance_m[row] = match.distance_m
            self._at.saving[row] = match.saving_micros
            self._at.label[row] = match.match_cost_micros
            self._at.decided_us[row] = timeline.start_us
            self._at.reasons[row] = _MATCHED
            self._hold(row, timeline.start_us, match.hold_expire_us, None)

    # --- Between rounds ----------------------------------------------------------

    def _set(self, setting: Setting) -> None:
        self._advance(setting.at_us, setting.order)
        terms, before = self._terms_of(setting), self._setting
        self._setting = setting
        if terms is self._terms and setting.pauses == before.pauses:
            # A change of a policy that this variant does not have.
            return
        self._flush()
        self._terms = terms
        self._reception.set(setting, terms)
        self._yard.set_network(setting.network)
        waits = self._at.waiting()
        self._at.is_stale |= waits
        self._at.is_dirty |= waits
        if terms is not None and terms.policy.mode is Mode.SHADOW:
            # Nobody waits for what will not come.
            for row in np.nonzero(waits)[0].tolist():
                self._decide(row, setting.at_us, setting.order)
        self._watch.changed()

    def _advance(self, until_us: int, before_order: int) -> None:
        # Whoever looks at demand has to find what is open at that instant.
        stop = int(np.searchsorted(self._orders_sorted, before_order))
        coming = self._by_order[self._arrived : stop]
        for at_us, order in self._reception.lookouts(coming):
            self._pass(at_us, order)
            self._pass(at_us, order + 1)
        self._pass(until_us, before_order)

    def _pass(self, until_us: int, before_order: int) -> None:
        came = self._units.come(before_order)
        self._demands_came(came)
        at = int(np.searchsorted(self._orders_sorted, before_order))
        if at > self._arrived:
            rows = np.sort(self._by_order[self._arrived : at])
            self._arrived = at
            for part in self._parts(rows, before_order):
                self._arrive(part)
        for each in self._happenings.take(until_us, before_order):
            self._happen(each)
        self._expire(until_us)
        if self._units.expire(until_us):
            self._watch.changed()
        self._order = before_order

    def _parts(self, rows: IntArray, before_order: int) -> Iterator[IntArray]:
        # Places under a cap are given in the order of things: an inspection between
        # two arrivals may take one.
        if not self._reception.is_capped:
            yield rows
            return
        rows = rows[np.argsort(self._items.order[rows], kind="stable")]
        orders = self._items.order[rows]
        done = 0
        for each in self._facts.timeline.inspections:
            if not self._order <= each.order < before_order:
                continue
            at = int(np.searchsorted(orders, each.order))
            if at > done:
                yield rows[done:at]
                done = at
            for happening in self._happenings.take(each.at_us, each.order + 1):
                self._happen(happening)
        if done < len(rows):
            yield rows[done:]

    def _demands_came(self, states: IntArray) -> None:
        # A round has to look again at whoever has a pair with any of them.
        if len(states):
            self._at.is_dirty[self._near.rows(states)] = True
            self._watch.changed()

    def _arrive(self, rows: IntArray) -> None:
        items = self._items
        now_us = items.created_us[rows]
        bits, valid_until_us = self._reception.first_looks(rows)
        late = now_us >= items.deadline_us[rows]
        bits = self._reception.admit(rows, bits, now_us, ~late)
        waits = ((bits == 0) | (bits == PENDING)) & ~late
        self._wait(rows[waits], bits[waits], valid_until_us[waits])
        reasons = bits | np.where(late, _LATE, 0)
        gone = ~waits
        self._leave(rows[gone], now_us[gone], items.order[rows[gone]], reasons[gone])

    def _wait(self, rows: IntArray, bits: IntArray, valid_until_us: IntArray) -> None:
        self._at.wait(rows, bits, valid_until_us, self._round_count)
        # Only who could find a buyer makes a round due.
        open_to = rows[bits == 0]
        self._watch.left(rows[bits != 0])
        self._watch.entered(open_to, self._items.deadline_us[open_to])

    def _leave(
        self, rows: IntArray, now_us: IntArray, order: IntArray, reasons: IntArray
    ) -> None:
        self._at.end(rows, Ending.WAREHOUSE, now_us, reasons)
        exits = zip(now_us.tolist(), order.tolist(), rows.tolist(), strict=True)
        self._exits.extend(exits)
        self._watch.left(rows)

    def _happen(self, each: Happening) -> None:
        match each.kind:
            case Kind.DEMAND_CHANGED:
                self._demands_came(self._units.change(each.number, each.order))
            case Kind.DEMAND_ENDED:
                self._units.end(each.number)
            case Kind.EXTENDED:
                self._fates.extended(each)
            case Kind.CONFIRMED | Kind.FREED:
                self._end_hold(each)
            case Kind.INSPECTED:
                if self._waits(each):
                    item = self._facts.timeline.inspections[each.number].item
                    self._reception.inspected(each.row, item)
                    self._decide(each.row, each.at_us, each.order)
            case Kind.CANCELLED:
                if self._waits(each) or self._at.ending[each.row] == Ending.HELD:
                    self._cancel(each)

    def _waits(self, each: Happening) -> bool:
        in_time = each.at_us < self._items.deadline_us[each.row]
        return bool(in_time and self._at.ending[each.row] == Ending.WAITING)

    def _cancel(self, each: Happening) -> None:
        row = each.row
        if self._at.ending[row] == Ending.HELD:
            self._give_back(row, each.at_us)
        rows, now_us = np.array([row]), np.array([each.at_us])
        self._at.end(rows, Ending.CANCELLED, now_us, np.array([_CANCELLED]))
        self._watch.left(rows)

    def _decide(self, row: int, now_us: int, order: int, happened: int = 0) -> None:
        # One item, outside a round.
        bits, valid_until_us = self._reception.look(row, now_us)
        rows, now = np.array([row]), np.array([now_us])
        is_late = now_us >= self._items.deadline_us[row]
        (bits,) = self._reception.admit(
            rows, np.array([bits]), now, np.array([not is_late])
        ).tolist()
        # Whoever waits keeps the place during a pause; nobody new comes in.
        stays = bits & PAUSED and self._at.ending[row] == Ending.WAITING
        waits = not bits & ~((PAUSED if stays else 0) | PENDING)
        if waits and not is_late:
            self._wait(rows, np.array([bits]), np.array([valid_until_us]))
            return
        reasons = bits | happened | (_LATE if is_late else 0)
        self._leave(rows, now, np.array([order]), np.array([reasons]))

    def _expire(self, until_us: int) -> None:
        # Items whose time is up.
        deadlines = self._items.deadline_us
        at = int(np.searchsorted(self._deadlines_sorted, until_us, side="right"))
        rows = self._by_deadline[self._deadline_at : at]
        self._deadline_at = max(self._deadline_at, at)
        rows = np.sort(rows[self._at.ending[rows] == Ending.WAITING])
        if not len(rows):
            return
        bits = self._at.bits[rows]
        known = (
            ((bits == 0) | (bits == PENDING))
            & ~self._at.is_stale[rows]
            & (self._at.valid_until_us[rows] > deadlines[rows])
        )
        for place in np.nonzero(~known)[0].tolist():
            row = int(rows[place])
            bits[place], _ = self._reception.look(row, int(deadlines[row]))
        seen = self._at.since[rows] < self._round_count
        if self._scene is not None:
            bits[seen] |= found_bits(self._scene, rows[seen])
        bits[~seen] |= self._at.found_before[rows[~seen]]
        self._leave(rows, deadlines[rows], np.zeros_like(rows), bits | _LATE)

    # --- Matches -------------------------------------------------------------------

    def _hold(
        self, row: int, now_us: int, expire_us: int, policy: Policy | None
    ) -> None:
        if self._fates.is_at_once(row) and now_us < expire_us:
            self._confirm(row)
        else:
            self._fates.await_fate(row, now_us, expire_us, policy)

    def _end_hold(self, each: Happening) -> None:
        row = each.row
        is_held = self._at.ending[row] == Ending.HELD
        if not is_held or self._at.match_number[row] != each.number:
            return
        if each.kind is Kind.CONFIRMED:
            self._confirm(row)
            return
        unit = int(self._facts.orders.unit[self._at.state[row]])
        happened = _HOLD_EXPIRED
        if each.order:
            happened = _RELEASED
            self._released[row] = self._released.get(row, frozenset()) | {unit}
        self._give_back(row, each.at_us)
        self._at.match_number[row] += 1
        self._decide(row, each.at_us, each.order, happened)

    def _confirm(self, row: int) -> None:
        self._units.fulfil(int(self._at.state[row]))
        self._at.ending[row] = Ending.CONFIRMED

    def _give_back(self, row: int, now_us: int) -> None:
        state = int(self._at.state[row])
        self._places.give_back(row, now_us)
        self._units.give_back(state)
        self._demands_came(self._facts.orders.states_like(state))

    # --- Rounds ----------------------------------------------------------------------

    def _round(self, start: RoundStart) -> None:
        self._pulse()
        self.advance(start.at_us, start.order)
        terms = self._terms
        if terms is None:
            return
        self._watch.began(start.at_us)
        self._round_count += 1
        self._flush()
        is_open = self._yard.remaining(start.at_us) > 0
        failed = self._look_again(start)
        pool = self._at.pool()
        is_limited = bool(terms.policy.match_limits)
        if is_open.tobytes() == self._open_warehouses and not is_limited:
            # At an optimum nobody who waits has a pair with an open unit: only who is
            # near a change can find one. A match limit may leave the two side by side.
            pool &= self._at.is_dirty
        self._open_warehouses = is_open.tobytes()
        self._at.is_dirty[:] = False
        standard = terms.policy.cost_model.standard_return_micros
        self._scene = Scene(
            terms=terms,
            now_us=start.at_us,
            open_count=self._units.open_counts(start.at_us),
            ship_by_us=self._facts.orders.ship_by_us,
            unit=self._facts.orders.unit,
            inbound=self._facts.inbound(terms.network, is_open, standard),
            released=dict(self._released),
        )
        rows = np.nonzero(pool)[0]
        if len(rows):
            matched = solve(self._scene, rows, self._places, threads=self._threads)
            self._scene = replace(self._scene, unmatched=matched.unmatched)
            if matched.unmatched is not None and matched.unmatched.is_limited:
                # Another day has places again.
                self._watch.again((start.at_us // DAY_US + 1) * DAY_US)
            self._promise(matched, start, len(rows))
        self._fail(failed, start)

    def _look_again(self, start: RoundStart) -> list[tuple[int, int]]:
        # Reports that are no longer true; gives the items that fail now.
        waits = self._at.waiting()
        stale = waits & (self._at.is_stale | (self._at.valid_until_us <= start.at_us))
        failed: list[tuple[int, int]] = []
        for row in np.nonzero(stale)[0].tolist():
            bits, valid_until_us = self._reception.look(row, start.at_us)
            self._at.is_stale[row] = False
            self._at.found_before[row] = 0
            self._at.valid_until_us[row] = valid_until_us
            if bits & ~(PAUSED | PENDING):
                failed.append((row, bits))
                self._at.bits[row] = bits
            elif bits != self._at.bits[row] or self._at.since[row] == NEVER:
                self._at.bits[row] = bits
                self._at.since[row] = self._round_count - 1 if bits == 0 else NEVER
                self._at.is_dirty[row] = True
        # An item that waited out a pause may not have asked for its place yet.
        pool = np.nonzero(self._at.pool())[0]
        asking = self._reception.unasked(pool)
        now_us = np.full(len(asking), start.at_us, np.int64)
        bits_of = self._reception.admit(
            asking, np.zeros_like(now_us), now_us, np.ones(len(asking), np.bool_)
        )
        refused = np.nonzero(bits_of)[0]
        self._fail(
            zip(asking[refused].tolist(), bits_of[refused].tolist(), strict=True), start
        )
        return failed

    def _fail(self, failed: Iterable[tuple[int, int]], start: RoundStart) -> None:
        for row, reasons in failed:
            at_us, order = np.array([start.at_us]), np.array([start.order])
            self._leave(np.array([row]), at_us, order, np.array([reasons]))

    def _promise(self, matched: Matched, start: RoundStart, count: int) -> None:
        terms = self._terms
        assert terms is not None, "a policy is in force"
        row, edge = matched.row, matched.edge
        state = terms.pairs.state[edge]
        self._units.take(state.astype(np.int64))
        self._places.take(row.tolist(), matched.places)
        self._at.ending[row] = Ending.HELD
        self._at.reasons[row] = _MATCHED
        self._at.state[row] = state
        self._at.distance_m[row] = terms.pairs.distance_m[edge]
        self._at.saving[row] = matched.saving_micros
        self._at.label[row] = terms.prices.label_micros[edge]
        self._at.decided_us[row] = start.at_us
        self._watch.left(row)
        policy = terms.policy
        expire_us = np.minimum(
            np.minimum(
                start.at_us + policy.hold_duration_us, self._items.deadline_us[row]
            ),
            self._facts.orders.ship_by_us[state] - policy.handling_duration_us,
        )
        for at, its_expire_us in zip(row.tolist(), expire_us.tolist(), strict=True):
            self._hold(at, start.at_us, its_expire_us, policy)
        if matched.candidate_count:
            self._rounds.append(
                SolvedRound(
                    at_us=start.at_us,
                    return_count=count,
                    candidate_count=matched.candidate_count,
                    matched_count=len(row),
                    saving_micros=int(matched.saving_micros.sum()),
                    value=matched.value,
                    dual=matched.dual,
                )
            )

    def _flush(self) -> None:
        # Count who went to warehouses since this was last done.
        if self._exits:
            terms = self._terms
            standard = terms.policy.cost_model.standard_return_micros if terms else 0
            self._yard.take(self._exits, standard)
            self._exits = []
