"""A store seen from outside, whichever database it is on; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from matcher.domain.errors import UnavailableError
from server.storage.opening import POSTGRES, file_of, reading_database
from server.storage.postgres_params import PostgresParams
from server.storage.revision import current_revision, head_revision
from server.storage.store_file import reading_file
from server.storage.tables import journal, leases

_CLOCK = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")


@dataclass(frozen=True, slots=True)
class StoreProbe:
    """
    What a store says of itself.

    Parameters
    ----------
    current
        Its revision; ``None`` if there is none yet: a server makes it.
    head
        The revision that this version reads and writes.
    holders
        Servers that have its shards, as far as any has.
    clock_us
        Its own clock; ``None`` where that is this machine's.
    written_us
        When something last happened in it, by the clock of who wrote it; ``None`` if
        nothing did, or it is of another revision.
    """

    current: str | None
    head: str
    holders: tuple[str, ...] = ()
    clock_us: int | None = None
    written_us: int | None = None


def probe_store(url: str, params: PostgresParams) -> StoreProbe:
    """
    Look at the store that a URL names; its server may be running.

    Raises
    ------
    InvalidValueError
        If the URL names neither a file nor a database.
    UnavailableError
        If it cannot be read, is of another program or of a newer version.
    """
    if not url.startswith(POSTGRES):
        file = file_of(url)
        if not file.exists() or not file.stat().st_size:
            if not file.resolve().parent.is_dir():
                folder = file.resolve().parent
                raise UnavailableError(f"store {file}: {folder} is no folder")
            return StoreProbe(None, head_revision())
        with reading_file(file, "read its revision") as connection:
            return _probed(connection, str(file), clock_us=None)
    with reading_database(url, params, "read its revision") as (connection, place):
        clock_us = int(connection.execute(_CLOCK).scalar_one())
        return _probed(connection, place, clock_us=clock_us)


def _probed(connection: Connection, place: str, *, clock_us: int | None) -> StoreProbe:
    current, head = current_revision(connection, place), head_revision()
    if current != head:
        return StoreProbe(current, head, clock_us=clock_us)
    held = connection.execute(select(leases.c.tenant, leases.c.holder)).all()
    # The last segment of each tenant, by its key: the journal may be long.
    written = [
        connection.execute(
            select(journal.c.last_us)
            .where(journal.c.tenant == tenant)
            .order_by(journal.c.number.desc())
            .limit(1)
        ).scalar_one_or_none()
        for tenant, _ in held
    ]
    return StoreProbe(
        current,
        head,
        tuple(sorted({holder for _, holder in held if holder})),
        clock_us,
        max((each for each in written if each is not None), default=None),
    )
