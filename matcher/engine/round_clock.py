"""When the next round of a shard is due."""

from __future__ import annotations

from collections.abc import Iterable

from matcher.domain.ids import ReturnId
from matcher.domain.policy import Policy
from matcher.domain.reason import ReasonCode
from matcher.engine.records import ReturnRecord
from matcher.engine.timetable import Timetable


class RoundClock:
    """
    Says when a round is due: after the interval, at the size, before a deadline.

    Nothing is due while nothing has changed since the last round began: it would
    find what that one found. A ``follower`` is a clock for others that the same rounds
    serve and the same changes may help.
    """

    def __init__(
        self, now_us: int, lead_us: int, *, follower: RoundClock | None = None
    ) -> None:
        self._follower = follower
        self._last_us = now_us
        self._lead_us = lead_us
        self._is_changed = True
        self._entered_count = 0
        self._urgent: Timetable[ReturnId] = Timetable()
        self._again_us: int | None = None

    def changed(self) -> None:
        """Note that another round may find something else."""
        self._is_changed = True
        if self._follower is not None:
            self._follower.changed()

    def again(self, at_us: int) -> None:
        """Note that another round may find something else from an instant on."""
        self._again_us = at_us

    def entered(self, deadlines: Iterable[tuple[ReturnId, int]]) -> None:
        """Note items that joined the pool, each with when it has to leave."""
        for return_id, leave_us in deadlines:
            self._urgent.set(return_id, leave_us - self._lead_us)
            self._entered_count += 1
            self._is_changed = True

    def decided(self, records: Iterable[ReturnRecord], margin_us: int) -> None:
        """Note items that were decided: who waits for a round joined, others left."""
        for record in records:
            item = record.item
            if ReasonCode.AWAITING_ROUND in record.reason_codes:
                self.entered([(item.return_id, item.decide_by_us - margin_us)])
            else:
                self.left(item.return_id)

    def left(self, return_id: ReturnId) -> None:
        """Note that an item left the pool."""
        self._urgent.drop(return_id)

    def began(self, now_us: int) -> None:
        """Note that a round began and took the pool along."""
        self._last_us = now_us
        self._is_changed = False
        self._entered_count = 0
        self._again_us = None
        self._urgent.take_due(now_us)
        if self._follower is not None:
            self._follower.began(now_us)

    def due_us(self, policy: Policy, pool_count: int) -> int | None:
        """
        Return when the next round is due, which may have passed.

        ``None`` means: not before something changes.
        """
        if not pool_count:
            return None
        if self._is_changed:
            return self._next_us(policy)
        if self._again_us is None:
            return None
        next_us = self._next_us(policy)
        return None if next_us is None else max(next_us, self._again_us)

    def _next_us(self, policy: Policy) -> int | None:
        if policy.round_size and self._entered_count >= policy.round_size:
            return self._last_us
        times = [self._urgent.next_us()]
        if policy.round_interval_us:
            times.append(self._last_us + policy.round_interval_us)
        return min((each for each in times if each is not None), default=None)
