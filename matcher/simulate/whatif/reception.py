"""Gates 1 and 2 with rollout, pauses, cap and floor, as one variant has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.domain.program import Pause, pause_of
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.policy.volume import Admission
from matcher.simulate.whatif.admissions import Admissions
from matcher.simulate.whatif.codes import bit
from matcher.simulate.whatif.demand_units import DemandUnits
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.floors import Floors
from matcher.simulate.whatif.terms import Terms
from matcher.simulate.whatif.timeline import Setting

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

PENDING = bit(ReasonCode.VERIFICATION_PENDING)
PAUSED = bit(ReasonCode.PROGRAM_PAUSED)
_ROLLOUT = bit(ReasonCode.NOT_IN_ROLLOUT)
_SHADOW = bit(ReasonCode.SHADOW_MODE)
_CAP = bit(ReasonCode.VOLUME_CAP_REACHED)
_THIN = bit(ReasonCode.SKU_DEMAND_TOO_THIN)
_NO_POLICY = bit(ReasonCode.NO_ACTIVE_POLICY)


class Reception:
    """
    Says what stands in the way of items, and gives places under a cap.

    Attributes
    ----------
    is_eligible
        ``bool (n,)``: items that passed gates 1 and 2 but for rollout, cap and mode.
    pauses
        What is paused.
    """

    def __init__(
        self, facts: Facts, setting: Setting, terms: Terms | None, units: DemandUnits
    ) -> None:
        self._facts = facts
        self.pauses: tuple[Pause, ...] = ()
        self._floors = Floors(facts, units)
        self._setting = setting
        self._terms = terms
        self._inspected: dict[int, ReturnItem] = {}
        arrivals = facts.timeline.arrivals
        self._admission = np.array([each.admission for each in arrivals], np.int8)
        self.is_eligible = np.zeros(len(arrivals), np.bool_)
        self._admissions = Admissions(facts.timeline.volume_hours)
        cap = terms.policy.volume_cap if terms else None
        if cap != (setting.policy.volume_cap if setting.policy else None):
            self._admissions.start_anew()

    def set(self, setting: Setting, terms: Terms | None) -> None:
        """Take a changed setting; another cap starts its count anew."""
        before = self._terms.policy.volume_cap if self._terms else None
        if terms is not None and terms.policy.volume_cap != before:
            self._admissions.start_anew()
        self._setting, self._terms = setting, terms

    def inspected(self, row: int, item: ReturnItem) -> None:
        """Take new evidence about an item."""
        self._inspected[row] = item

    def lookouts(self, rows: IntArray) -> list[tuple[int, int]]:
        """
        Return when items come in that have to look at the demand there is then.

        Instants and places, in the order of ``rows``.
        """
        if self._terms is None:
            return []
        items, asked = self._facts.items, self._floors.asked(self._terms.policy, rows)
        at = zip(items.created_us[asked], items.order[asked], strict=True)
        return list(dict.fromkeys((int(at_us), int(order)) for at_us, order in at))

    def first_looks(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Return what the gates find of items as they come in, and until when."""
        if self._terms is None:
            return np.full(len(rows), _NO_POLICY), np.zeros(len(rows), np.int64)
        served = self._facts.served(self._setting.network)[0]
        self._floors.look(self._terms.policy, rows)
        bits, valid_until_us = self._terms.gates.first_looks(rows, served)
        return bits | self._own_bits(
            rows, self._facts.items.created_us[rows]
        ), valid_until_us

    def look(self, row: int, now_us: int) -> tuple[int, int]:
        """Return what the gates find of an item now, and until when that holds."""
        if self._terms is None:
            return _NO_POLICY, 0
        item = self._inspected.get(row, self._facts.items.items[row])
        served = bool(self._facts.served(self._setting.network)[0][row])
        look = self._terms.gates.look(item, now_us, is_served=served)
        (own,) = self._own_bits(np.array([row]), np.array([now_us]))
        bits = look.bits | int(own)
        refused = self._admission[row] == Admission.REFUSED
        if refused and self._terms.policy.volume_cap is not None:
            bits |= _CAP
        return bits, look.valid_until_us

    def admit(
        self, rows: IntArray, bits: IntArray, now_us: IntArray, in_time: BoolArray
    ) -> IntArray:
        """
        Count items that are eligible for the first time, in their order.

        Returns
        -------
        numpy.ndarray
            ``bits`` with the cap's reason for those that asked and got no place.
        """
        if self._terms is None:
            return bits
        eligible = (bits & ~_ROLLOUT) == 0
        self.is_eligible[rows] |= (bits & ~(_ROLLOUT | _SHADOW)) == 0
        fresh = eligible & in_time & (self._admission[rows] == Admission.UNSPECIFIED)
        asks = bits[fresh] == 0
        gets = asks
        cap = self._terms.policy.volume_cap
        if cap is not None:
            gets = self._admissions.count(cap, asks, now_us[fresh])
        admission = np.where(gets, Admission.ADMITTED, Admission.REFUSED)
        self._admission[rows[fresh]] = admission
        told = bits.copy()
        told[fresh] |= np.where(asks & ~gets, _CAP, 0)
        return told

    def unasked(self, rows: IntArray) -> IntArray:
        """Return which items have not asked for a place yet, though there is a cap."""
        if self._terms is None or self._terms.policy.volume_cap is None:
            return rows[:0]
        unasked: IntArray = rows[self._admission[rows] == Admission.UNSPECIFIED]
        return unasked

    @property
    def is_capped(self) -> bool:
        """Whether places are limited, so that it matters who asks first."""
        return self._terms is not None and self._terms.policy.volume_cap is not None

    def _own_bits(self, rows: IntArray, now_us: IntArray) -> IntArray:
        # What the gate table leaves aside: rollout, floor and pauses.
        assert self._terms is not None, "a policy is in force"
        out = self._facts.rollout.is_out(self._terms.policy, rows, now_us)
        bits = np.where(out, _ROLLOUT, 0)
        bits |= np.where(self._floors.is_thin(self._terms.policy, rows), _THIN, 0)
        if self.pauses:
            items = self._facts.items.items
            names = [items[row].category for row in rows.tolist()]
            paused = [pause_of(self.pauses, name) is not None for name in names]
            bits |= np.where(paused, PAUSED, 0)
        return bits
