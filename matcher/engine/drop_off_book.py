"""The drop-off points of a shard."""

from __future__ import annotations

from matcher.domain.drop_off_point import DROP_OFF_COUNT_MAX, DropOffPoint
from matcher.domain.errors import LimitExceededError, NotFoundError
from matcher.domain.etag import check_etag, content_etag
from matcher.domain.ids import DropOffPointId
from matcher.engine.archive import LiveRows
from matcher.engine.commands import DeleteDropOffPoint, UpsertDropOffPoint
from matcher.engine.ledger import Ledger


class DropOffBook:
    """Keeps the stored drop-off points; explanations read them from the store."""

    def __init__(self, ledger: Ledger, rows: LiveRows) -> None:
        self._ledger = ledger
        self._points = {each.drop_off_point_id: each for each in rows.drop_off_points}

    def upsert(self, point: DropOffPoint, etag: str = "") -> DropOffPoint:
        """
        Store or change a drop-off point.

        Raises
        ------
        VersionMismatchError
            If the etag is stale.
        LimitExceededError
            If the tenant would have too many.
        """
        point_id = point.drop_off_point_id
        old = self._points.get(point_id)
        current = content_etag(old) if old is not None else ""
        check_etag("drop-off point", point_id, current, etag)
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
            return self.upsert(command.drop_off_point, command.etag)
        self.delete(command.drop_off_point_id, command.etag)
        return None

    def delete(self, point_id: DropOffPointId, etag: str = "") -> None:
        """
        Delete a drop-off point.

        Raises
        ------
        NotFoundError
            If there is no such point.
        VersionMismatchError
            If the etag is stale.
        """
        point = self._points.get(point_id)
        if point is None:
            raise NotFoundError("drop-off point", point_id)
        check_etag("drop-off point", point_id, content_etag(point), etag)
        del self._points[point_id]
        self._ledger.changes.drop_off_points[point_id] = None
