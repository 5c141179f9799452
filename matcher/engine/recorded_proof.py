"""The check of a recorded round: its proof, and its sums against it."""

from __future__ import annotations

from matcher.domain.errors import CertificateError
from matcher.engine.proof import Proof, unpack
from matcher.engine.records import RoundRecord


def check_recorded(record: RoundRecord) -> Proof:
    """
    Check the proof of a round, and the round's sums against it.

    Nothing of the solver is used.

    Parameters
    ----------
    record
        The round as it is stored.

    Returns
    -------
    Proof
        What was checked.

    Raises
    ------
    CertificateError, InvalidProblemError
        If the proof does not read or hold, or the round says something else.
    """
    proof = unpack(record.proof)
    proof.check()
    for name, recorded, proven in (
        ("saving_micros", record.saving_micros, proof.saving_micros),
        ("dual_micros", record.dual_micros, proof.saving_micros + proof.gap),
    ):
        if recorded != proven:
            raise CertificateError(f"{name}: got {recorded}; accepted: {proven}")
    return proof
