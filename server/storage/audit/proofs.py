"""What rounds say of themselves, and the proofs that are stored with them."""

from __future__ import annotations

from dataclasses import replace

from matcher.domain.errors import CertificateError, InvalidProblemError
from matcher.engine.recorded_proof import check_recorded
from matcher.engine.records import RoundRecord
from server.storage import codec
from server.storage.audit.promises import Promises
from server.storage.audit.table_reader import TableReader
from server.storage.rows import round_row
from server.storage.tables import rounds


def check_rounds(reader: TableReader, promises: Promises, *, with_proofs: bool) -> None:
    """
    Report rounds whose matches are not theirs, or whose proof does not hold (I6).

    Parameters
    ----------
    reader
        Gives the rounds, and is told.
    promises
        Matches by round.
    with_proofs
        Check the proofs, too; that takes most of the time.
    """
    unseen = dict(promises.of_round)
    for row, stored in reader.records(rounds, codec.ROUNDS, round_row):
        made = unseen.pop(stored.round_id, 0)
        if stored.matched_count != made:
            reader.report(
                rounds,
                stored.round_id,
                f"matched_count is {stored.matched_count}, of the matches {made}",
            )
        if with_proofs:
            reader.proof_checked()
            _check_proof(reader, replace(stored, proof=row.proof))
    for round_id in unseen:
        reader.report(rounds, round_id, "a match names it, and it is not there")


def _check_proof(reader: TableReader, record: RoundRecord) -> None:
    try:
        proof = check_recorded(record)
    except (CertificateError, InvalidProblemError) as error:
        reader.report(rounds, record.round_id, f"its proof does not hold: {error}")
        return
    proposed = record.matched_count + record.dropped_count
    if len(proof.pairs) != proposed:
        reader.report(
            rounds,
            record.round_id,
            f"its proof has {len(proof.pairs)} pairs, the round {proposed}",
        )
