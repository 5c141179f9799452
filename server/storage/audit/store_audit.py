"""Everything that must hold between the rows of a store, of all tenants."""

from __future__ import annotations

from sqlalchemy import Connection

from server.storage import codec
from server.storage.audit.chronicle import (
    check_counters,
    check_journal,
    check_program,
)
from server.storage.audit.decision_log import read_log
from server.storage.audit.findings import Findings
from server.storage.audit.promises import check_demands, check_places, read_promises
from server.storage.audit.proofs import check_rounds
from server.storage.audit.routes import (
    check_returns,
    check_shadows,
    check_warehouses,
)
from server.storage.audit.table_reader import TableReader
from server.storage.tables import drop_off_points, service_areas, warehouses
from server.storage.tenants import tenants_of

#: Violations that are kept to be told.
VIOLATIONS_MAX = 100_000


def audit_store(
    connection: Connection, *, limit: int = 100, with_proofs: bool = False
) -> Findings:
    """
    Hold the rows of a store against each other.

    Parameters
    ----------
    connection
        Connection at our head revision whose statements all see the same commit.
    limit
        Violations to keep, 1 to :data:`VIOLATIONS_MAX`; all are counted.
    with_proofs
        Check the proof of every round, and that the journal reads back, too.

    Returns
    -------
    Findings
        In the order of tenants, tables and ids.

    Notes
    -----
    Writes nothing. Memory goes with the return items and matches of the largest
    tenant: about 500 bytes for each.
    """
    assert 1 <= limit <= VIOLATIONS_MAX, f"limit {limit}"
    findings = Findings(limit)
    for tenant in tenants_of(connection):
        reader = TableReader(connection, tenant, findings)
        log = read_log(reader)
        promises = read_promises(reader, log)
        check_demands(reader, promises)
        check_returns(reader, log, promises)
        check_shadows(reader, log)
        check_rounds(reader, promises, with_proofs=with_proofs)
        check_places(reader, promises)
        check_warehouses(reader, log)
        check_counters(reader, log, promises)
        check_program(reader)
        check_journal(reader, reads_back=with_proofs)
        _check_network(reader)
    return findings


def _check_network(reader: TableReader) -> None:
    # Read for their documents' sake: one that does not read back is reported.
    for _ in reader.records(warehouses, codec.WAREHOUSES):
        pass
    for _ in reader.records(service_areas, codec.SERVICE_AREAS):
        pass
    for _ in reader.records(drop_off_points, codec.DROP_OFF_POINTS):
        pass
