"""How a volume cap came to refuse an item, and how many places were missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matcher.domain.decision import Decision
from matcher.domain.ids import DecisionId, TenantId
from matcher.domain.policy import VolumeCap
from matcher.domain.reason import ReasonCode
from matcher.engine.changes import Changes
from matcher.engine.journal import Checkpoint, Entry, RoundBegan
from matcher.engine.limits import ShardLimits
from matcher.engine.return_book import canonical
from matcher.policy.volume import Admission, first_hour, has_place
from matcher.simulate.recorded_round import number_of, refuse_if_stopped
from matcher.simulate.replay import Player
from matcher.simulate.replay_store import ReplayStore
from matcher.solve import Stop


@dataclass(frozen=True, slots=True)
class Asking:
    """
    The items that were counted together with one that a cap refused.

    ``asks`` says of each, up to that one, whether it wanted a place; the counts are
    those of the cap's window before the first of them.
    """

    cap: VolumeCap
    eligible_count: int
    admitted_count: int
    asks: tuple[bool, ...]

    def gets_place(self, more: int) -> bool:
        """Return whether the last one gets a place if the cap has so many more."""
        eligible, admitted = self.eligible_count, self.admitted_count
        gets = False
        for asks in self.asks:
            gets = asks and has_place(self.cap, eligible, admitted - more)
            eligible += 1
            admitted += gets
        return gets

    def missing_places(self) -> int:
        """
        Return the fewest places more with which the last one gets one.

        Whoever was refused before it, of those that were decided with it, takes one
        first: places go by age, then id.
        """
        # Each place more leaves the last one no worse off, and so many are enough.
        low, high = 1, self.admitted_count + len(self.asks)
        while low < high:
            middle = (low + high) // 2
            if self.gets_place(middle):
                high = middle
            else:
                low = middle + 1
        return low


def recorded_asking(
    tenant: TenantId,
    start: Checkpoint,
    entries: Iterable[Entry],
    refused: DecisionId,
    *,
    limits: ShardLimits | None = None,
    stop: Stop | None = None,
) -> Asking | None:
    """
    Live again up to the decision with which a volume cap refused an item.

    Parameters
    ----------
    tenant, start, entries, limits, stop
        As for :func:`~matcher.simulate.recorded_round.recorded_round`.
    refused
        The decision; its reason is VOLUME_CAP_REACHED.

    Returns
    -------
    Asking or None
        How it came to it; ``None`` if the entries do not go that far.

    Raises
    ------
    UnavailableError
        If it was stopped.
    """
    player = Player(tenant, start, limits=limits, stop=stop)
    asked, count = number_of(refused), start.rows.decision_count
    for entry in entries:
        changes = player.perform(entry)
        refuse_if_stopped(stop)
        count += len(changes.decisions)
        if count >= asked:
            return _asking(player.store, changes, refused, entry)
        player.commit(changes)
    return None


def _asking(
    store: ReplayStore, changes: Changes, refused: DecisionId, entry: Entry
) -> Asking:
    (decision,) = [d for d in changes.decisions if d.decision_id == refused]
    before = store.returns(changes.returns)
    fresh = canonical(
        record
        for return_id, record in changes.returns.items()
        if record.admission is not Admission.UNSPECIFIED
        and (
            return_id not in before
            or before[return_id].admission is Admission.UNSPECIFIED
        )
    )
    capped = {d.return_id for d in changes.decisions if _is_capped(d)}
    asks = {
        each.item.return_id: each.admission is Admission.ADMITTED
        or each.item.return_id in capped
        for each in fresh
    }
    if isinstance(entry.event, RoundBegan):
        # Whoever does not ask is counted after those that do.
        asks = {return_id: True for return_id, asked in asks.items() if asked}
    until = list(asks).index(decision.return_id) + 1
    cap = store.policy(decision.policy_version).volume_cap
    assert cap is not None, "a cap refused it"
    counts = _counts(store, cap, entry.now_us)
    return Asking(cap, *counts, tuple(asks.values())[:until])


def _is_capped(decision: Decision) -> bool:
    codes = [reason.code for reason in decision.reasons]
    return ReasonCode.VOLUME_CAP_REACHED in codes


def _counts(store: ReplayStore, cap: VolumeCap, now_us: int) -> tuple[int, int]:
    first = first_hour(cap, now_us)
    window = [row for row in store.volume_hours() if row.hour >= first]
    return (
        sum(row.eligible_count for row in window),
        sum(row.admitted_count for row in window),
    )
