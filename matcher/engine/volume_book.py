"""Eligible return items and those let in, by the hour."""

from __future__ import annotations

from collections.abc import Sequence

from matcher.domain.policy import CAP_STEP_US, CAP_WINDOW_US_MAX, VolumeCap
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger
from matcher.engine.records import VolumeHour
from matcher.policy.volume import first_hour, has_place, hour_of

_HOURS_MAX = CAP_WINDOW_US_MAX // CAP_STEP_US


class VolumeBook:
    """
    Counts for the volume cap, as far back as the longest window reaches.

    They are written in the transaction of the decisions that they count, so neither
    callers beside each other nor a restart can let in one too many.
    """

    def __init__(self, ledger: Ledger, rows: LiveRows) -> None:
        self._ledger = ledger
        # Hours that were forgotten are still rows, of zeros.
        self._hours = {r.hour: r for r in rows.volume_hours if r.eligible_count}

    def counts(self, cap: VolumeCap, now_us: int) -> tuple[int, int]:
        """Return eligible and admitted items of the cap's window."""
        first = first_hour(cap, now_us)
        window = [row for row in self._hours.values() if row.hour >= first]
        return (
            sum(row.eligible_count for row in window),
            sum(row.admitted_count for row in window),
        )

    def count(self, cap: VolumeCap, asks: Sequence[bool], now_us: int) -> list[bool]:
        """
        Count eligible items, one after the other.

        Parameters
        ----------
        cap
            The cap in force.
        asks
            Of each item, whether it wants a place.
        now_us
            Instant of the decision.

        Returns
        -------
        list of bool
            Of each, whether it gets one.
        """
        eligible, admitted = self.counts(cap, now_us)
        gets: list[bool] = []
        for wanted in asks:
            gets.append(wanted and has_place(cap, eligible, admitted))
            eligible += 1
            admitted += gets[-1]
        if gets:
            hour = hour_of(now_us)
            row = self._hours.get(hour, VolumeHour(hour, 0, 0))
            self._keep(
                VolumeHour(
                    hour, row.eligible_count + len(gets), row.admitted_count + sum(gets)
                )
            )
        return gets

    def start_anew(self) -> None:
        """Forget all counts: another cap is in force from now on."""
        for hour in self._hours:
            self._ledger.changes.volume_hours[hour] = VolumeHour(hour, 0, 0)
        self._hours.clear()

    def _keep(self, row: VolumeHour) -> None:
        self._ledger.changes.volume_hours[row.hour] = row
        self._hours[row.hour] = row
        # As far back as a restart reads.
        first = row.hour - _HOURS_MAX
        self._hours = {h: each for h, each in self._hours.items() if h >= first}
