"""What a shard needs in memory, read from one snapshot of the store."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Connection, Select

from matcher.domain.ids import TenantId
from matcher.engine.archive import LiveRows
from matcher.engine.records import WarehouseDay
from server.storage import codec, statements
from server.storage.codec import DocumentCodec
from server.storage.statements import Documents

T = TypeVar("T")


def load_live_rows(connection: Connection, tenant: TenantId) -> LiveRows:
    """
    Read the live rows of one tenant, each kind in the order of its ids.

    Parameters
    ----------
    connection
        Connection whose statements all see the same commit.
    tenant
        Tenant; one without rows gives empty ones.

    Returns
    -------
    LiveRows
        Read by index: the time goes with what is live, not with what is stored.
    """

    def read(statement: Documents, kind: DocumentCodec[T]) -> tuple[T, ...]:
        rows = connection.execute(statement, {"tenant": tenant})
        return tuple(kind.decode(document) for document in rows.scalars())

    def last(statement: Select[T]) -> T | None:
        return connection.execute(statement, {"tenant": tenant}).scalar_one_or_none()

    days = connection.execute(statements.RECENT_WAREHOUSE_DAYS, {"tenant": tenant})
    return LiveRows(
        demands=read(statements.LIVE_DEMANDS, codec.DEMANDS),
        returns=read(statements.LIVE_RETURNS, codec.RETURNS),
        matches=read(statements.LIVE_MATCHES, codec.MATCHES),
        policies=read(statements.ALL_POLICIES, codec.POLICIES),
        warehouses=read(statements.ALL_WAREHOUSES, codec.WAREHOUSES),
        service_areas=read(statements.ALL_SERVICE_AREAS, codec.SERVICE_AREAS),
        warehouse_days=tuple(WarehouseDay(*row) for row in days),
        decision_count=last(statements.LAST_SEQUENCE) or 0,
        match_count=_number(last(statements.LAST_MATCH_ID)),
        round_count=_number(last(statements.LAST_ROUND_ID)),
    )


def _number(last_id: str | None) -> int:
    # Ids that the engine gives are a letter, a dash and a zero-padded number, so
    # the last one by bytes has the highest number.
    return 0 if last_id is None else int(last_id.partition("-")[2])
