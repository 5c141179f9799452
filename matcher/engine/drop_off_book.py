"""The drop-off points of a shard."""

from __future__ import annotations

from matcher.domain.drop_off_point import DROP_OFF_COUNT_MAX, DropOffPoint
from matcher.domain.errors import LimitExceededError, NotFoundError
from matcher.domain.ids import DropOffPointId
from matcher.engine.archive import LiveRows
from matcher.engine.commands import DeleteDropOffPoint, UpsertDropOffPoint
from matcher.engine.ledger import Ledger


class DropOffBook:
    """Keeps the stored drop-off points; explanations read them from the store."""

    def __init__(self, ledger: Ledger, rows: LiveRows) -> None:
        self._ledger = ledger
        self._points = {each.drop_off_point_id: each for each in rows.drop_off_points}

    def upsert(self, point: DropOffPoint) -> DropOffPoint:
        """
        Store or change a drop-off point.

        Raises
        ------
        LimitExceededError
            If the tenant would have too many.
        """
        point_id = point.drop_off_point_id
        total = len(self._points) + (point_id not in self._points)
        if total > DROP_OFF_COUNT_MAX:
            raise LimitExceededError("drop-off points", total, DROP_OFF_COUNT_MAX)
        self._points[point_id] = point
        self._ledger.changes.drop_off_points[point_id] = point
        return point

    def apply(
        self, command: UpsertDropOffPoint | DeleteDropOffPoint
    ) -> DropOffPoint | None:
        """Carry out either of its commands."""
        if isinstance(command, UpsertDropOffPoint):
            return self.upsert(command.drop_off_point)
        self.delete(command.drop_off_point_id)
        return None

    def delete(self, point_id: DropOffPointId) -> None:
        """Delete a drop-off point, or raise :class:`NotFoundError`."""
        if self._points.pop(point_id, None) is None:
            raise NotFoundError("drop-off point", point_id)
        self._ledger.changes.drop_off_points[point_id] = None
