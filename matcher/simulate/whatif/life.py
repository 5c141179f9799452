"""The life of a timeline under one variant, without a word about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from matcher.domain.mode import Mode
from matcher.domain.reason import Gate
from matcher.engine.network_book import DAY_US
from matcher.simulate.whatif.codes import bits_of
from matcher.simulate.whatif.course import Course, Ending, SolvedRound
from matcher.simulate.whatif.demand_units import DemandUnits
from matcher.simulate.whatif.desk import Desk
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.guard import Guard
from matcher.simulate.whatif.happenings import Happening, Happenings, Kind, foreseen
from matcher.simulate.whatif.holds import Holds
from matcher.simulate.whatif.market import Matched, Scene, solve
from matcher.simulate.whatif.near import Near
from matcher.simulate.whatif.reception import PAUSED, PENDING, Reception
from matcher.simulate.whatif.standings import Standings
from matcher.simulate.whatif.terms import Terms
from matcher.simulate.whatif.timeline import NEVER, RoundStart, Setting
from matcher.simulate.whatif.watch import Watch

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: The terms of a setting; ``None`` where no policy is in force.
TermsOf = Callable[[Setting], Terms | None]


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
    guard
        Its pauses.
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
        guard: Guard,
        *,
        watch: Watch | None = None,
        pulse: Callable[[], None] = lambda: None,
        threads: int = 1,
    ) -> None:
        self._facts = facts
        self._items = facts.items
        self._near = near
        self._terms_of = terms_of
        self._guard = guard
        self._watch = watch or Watch()
        self._pulse = pulse
        self._threads = threads
        setting, *self._settings = facts.timeline.settings
        self._terms = terms_of(setting)
        self._at = Standings(len(facts.items.items))
        self._units = DemandUnits(facts)
        self._reception = Reception(facts, setting, self._terms, self._units)
        self._desk = Desk(facts, self._at, self._reception, self._watch, setting)
        self._happenings = Happenings(guard.is_turn)
        self._holds = Holds(facts, self._at, self._units, self._happenings, guard)
        self._arrived = self._order = 0
        self._by_order = np.argsort(facts.items.order, kind="stable")
        self._orders_sorted = facts.items.order[self._by_order]
        self._open_warehouses = b""
        self._rounds: list[SolvedRound] = []
        self._begin()

    def run(self, rounds: Iterable[RoundStart]) -> Course:
        """Live all of it; ``rounds`` are asked for one after the other."""
        for start in rounds:
            self._round(start)
        self.advance(self._facts.timeline.end_us, NEVER)
        return self._at.course(
            self._reception.is_eligible,
            self._rounds,
            self._desk.round_count,
            self._guard.tripped,
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
        self._guard.active = self._terms.policy if self._terms else None
        self._reception.pauses = self._guard.pauses
        for each in foreseen(self._facts, self._units):
            self._happenings.add(each)
        # Whoever waited at the start is looked at anew in the first round.
        old = np.nonzero(self._items.order == 0)[0]
        self._arrived = len(old)
        self._at.ending[old] = Ending.WAITING
        self._at.is_stale[old] = self._reception.is_eligible[old] = True
        for row in old.tolist():
            arrival = self._facts.timeline.arrivals[row]
            codes = (each for each in arrival.reason_codes if each.gate is Gate.DEMAND)
            self._at.found_before[row] = bits_of(codes)
            self._holds.know_released(row, arrival.released_demand_ids)
        self._holds.begin()
        waits = old[self._at.ending[old] == Ending.WAITING]
        self._watch.entered(waits, self._items.deadline_us[waits])

    # --- Between rounds ----------------------------------------------------------

    def _set(self, setting: Setting) -> None:
        self._advance(setting.at_us, setting.order)
        if setting.steering is not None:
            if self._guard.steer(setting.steering, setting.at_us):
                self._heed()
                self._watch.changed()
            return
        terms = self._terms_of(setting)
        if terms is self._terms:
            # A change of a policy that this variant does not have.
            return
        self._desk.flush(self._terms)
        self._terms = terms
        self._guard.active = terms.policy if terms else None
        self._reception.set(setting, terms)
        self._desk.yard.set_network(setting.network)
        waits = self._look_at_all()
        if terms is not None and terms.policy.mode is Mode.SHADOW:
            # Nobody waits for what will not come.
            for row in np.nonzero(waits)[0].tolist():
                self._desk.decide(row, setting.at_us, setting.order)
        self._watch.changed()

    def _look_at_all(self) -> BoolArray:
        # Whoever waits is looked at anew.
        waits = self._at.waiting()
        self._at.is_stale |= waits
        self._at.is_dirty |= waits
        return waits

    def _heed(self) -> None:
        # What is paused, or not any more, from here on.
        self._guard.settle()
        if self._reception.pauses is not self._guard.pauses:
            self._reception.pauses = self._guard.pauses
            self._look_at_all()

    def _advance(self, until_us: int, before_order: int) -> None:
        # Whoever looks at demand has to find what is open at that instant.
        stop = int(np.searchsorted(self._orders_sorted, before_order))
        coming = self._by_order[self._arrived : stop]
        for at_us, order in self._reception.lookouts(coming):
            self._pass(at_us, order)
            self._pass(at_us, order + 1)
        self._pass(until_us, before_order)

    def _pass(self, until_us: int, before_order: int) -> None:
        # A guardrail that trips holds back whoever comes behind what tripped it.
        while (turn := self._happenings.turn(until_us, before_order)) is not None:
            if self._guard.is_watching:
                behind = turn.order + 1 if turn.order else 0
                behind = behind or self._facts.order_before(turn.at_us)
                self._step(turn.at_us, min(behind, before_order))
        self._step(until_us, before_order)

    def _step(self, until_us: int, before_order: int) -> None:
        came = self._units.come(before_order)
        self._demands_came(came)
        at = int(np.searchsorted(self._orders_sorted, before_order))
        if at > self._arrived:
            rows = np.sort(self._by_order[self._arrived : at])
            self._arrived = at
            for part in self._parts(rows, before_order):
                self._desk.arrive(part)
        for each in self._happenings.take(until_us, before_order):
            self._happen(each)
        self._desk.expire(until_us)
        if self._units.expire(until_us):
            self._watch.changed()
        self._order = before_order
        self._heed()

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

    def _happen(self, each: Happening) -> None:
        match each.kind:
            case Kind.DEMAND_CHANGED:
                self._demands_came(self._units.change(each.number, each.order))
            case Kind.DEMAND_ENDED:
                self._units.end(each.number)
            case Kind.EXTENDED:
                self._holds.extended(each)
            case Kind.CONFIRMED:
                self._holds.confirm(each)
            case Kind.FREED:
                self._free(each)
            case Kind.REPORTED:
                self._holds.report(each)
            case Kind.INSPECTED:
                if self._waits(each):
                    item = self._facts.timeline.inspections[each.number].item
                    self._reception.inspected(each.row, item)
                    self._desk.decide(each.row, each.at_us, each.order)
            case Kind.CANCELLED:
                if self._waits(each) or self._at.ending[each.row] == Ending.HELD:
                    self._cancel(each)

    def _waits(self, each: Happening) -> bool:
        in_time = each.at_us < self._items.deadline_us[each.row]
        return bool(in_time and self._at.ending[each.row] == Ending.WAITING)

    def _cancel(self, each: Happening) -> None:
        if self._at.ending[each.row] == Ending.HELD:
            self._demands_came(self._holds.give_back(each.row, each.at_us))
        self._desk.cancel(each.row, each.at_us)

    def _free(self, each: Happening) -> None:
        happened = self._holds.free(each)
        if happened is not None:
            self._demands_came(self._holds.give_back(each.row, each.at_us))
            self._desk.decide(each.row, each.at_us, each.order, happened)

    # --- Rounds ----------------------------------------------------------------------

    def _round(self, start: RoundStart) -> None:
        self._pulse()
        self.advance(start.at_us, start.order)
        terms = self._terms
        if terms is None:
            return
        self._watch.began(start.at_us)
        self._desk.round_count += 1
        self._desk.flush(terms)
        is_open = self._desk.yard.remaining(start.at_us) > 0
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
        scene = Scene(
            terms=terms,
            now_us=start.at_us,
            open_count=self._units.open_counts(start.at_us),
            ship_by_us=self._facts.orders.ship_by_us,
            unit=self._facts.orders.unit,
            inbound=self._facts.inbound(terms.network, is_open, standard),
            released=self._holds.released,
        )
        rows = np.nonzero(pool)[0]
        if len(rows):
            matched = solve(scene, rows, self._holds.places, threads=self._threads)
            scene = replace(scene, unmatched=matched.unmatched)
            if matched.unmatched is not None and matched.unmatched.is_limited:
                # Another day has places again.
                self._watch.again((start.at_us // DAY_US + 1) * DAY_US)
            self._promise(matched, start, len(rows))
        self._desk.scene = scene
        self._fail(failed, start)
        self._heed()

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
                self._at.since[row] = self._desk.round_count - 1 if bits == 0 else NEVER
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
            self._desk.leave(np.array([row]), at_us, order, np.array([reasons]))

    def _promise(self, matched: Matched, start: RoundStart, count: int) -> None:
        terms = self._terms
        assert terms is not None, "a policy is in force"
        self._holds.promise(matched, terms, start.at_us)
        self._watch.left(matched.row)
        if matched.candidate_count:
            self._rounds.append(
                SolvedRound(
                    at_us=start.at_us,
                    return_count=count,
                    candidate_count=matched.candidate_count,
                    matched_count=len(matched.row),
                    saving_micros=int(matched.saving_micros.sum()),
                    value=matched.value,
                    dual=matched.dual,
                )
            )
