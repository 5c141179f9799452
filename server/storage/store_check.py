"""All that can be checked of a store, be its server running or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from matcher.domain.errors import UnavailableError
from server.storage.audit.findings import Findings
from server.storage.audit.store_audit import audit_store
from server.storage.opening import reading_database
from server.storage.postgres_params import PostgresParams
from server.storage.revision import current_revision, head_revision
from server.storage.store_file import (
    faults_of_file,
    reading_file,
    revision_of_file,
)

# Between two pages of rows a proof may be checked, which can take minutes.
_PATIENT = PostgresParams(
    reader_count=1, statement_timeout_ms=3_600_000, idle_timeout_ms=3_600_000
)
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """
    What a check found.

    ``place`` is the store as an operator would name it. ``faults`` are SQLite's words
    for damaged pages. ``findings`` is ``None`` if the rows were not looked at: the file
    is damaged, or of an older revision.
    """

    place: str
    revision: str
    faults: tuple[str, ...]
    findings: Findings | None

    @property
    def is_current(self) -> bool:
        """Whether the tables are those of this version."""
        return self.revision == head_revision()

    @property
    def is_sound(self) -> bool:
        """Whether everything was checked and nothing found."""
        return self.findings is not None and not self.findings.count


def check_store(
    store: Path, *, is_quick: bool, with_proofs: bool, limit: int
) -> StoreCheck:
    """
    Check the pages of a file, its revision, and the rows against each other.

    Parameters
    ----------
    store
        File of a store or a backup; its server may be running and writing.
    is_quick
        Do not compare indexes with their tables.
    with_proofs
        Check the proof of every round, too.
    limit
        Faults and violations to keep, 1 to
        :data:`server.storage.audit.store_audit.VIOLATIONS_MAX`.

    Returns
    -------
    StoreCheck
        All of it about one commit.

    Raises
    ------
    UnavailableError
        If the file cannot be read, is no store or of a newer version.
    """
    with reading_file(store, "check it") as connection:
        revision = revision_of_file(connection, store)
        faults = faults_of_file(connection, is_quick=is_quick, limit=limit)
        findings = None
        if not faults and revision == head_revision():
            findings = audit_store(connection, limit=limit, with_proofs=with_proofs)
    return StoreCheck(str(store), revision, tuple(faults), findings)


def check_database(url: str, *, with_proofs: bool, limit: int) -> StoreCheck:
    """
    Check the revision of a database of PostgreSQL, and its rows against each other.

    Its pages are the server's to check.

    Parameters
    ----------
    url
        The database; servers may be running and writing.
    with_proofs, limit
        As for :func:`check_store`.

    Raises
    ------
    InvalidValueError
        If the URL cannot be read.
    UnavailableError
        If the database cannot be read, is no store or of a newer version.
    """
    with reading_database(url, _PATIENT, "check it") as (connection, place):
        connection.exec_driver_sql(_BEGIN)
        revision = current_revision(connection, place)
        if revision is None:
            raise UnavailableError(f"store {place}: cannot read it: it is empty")
        findings = None
        if revision == head_revision():
            findings = audit_store(connection, limit=limit, with_proofs=with_proofs)
    return StoreCheck(place, revision, (), findings)
