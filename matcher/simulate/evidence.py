"""The inspections of a scenario's return items."""

from __future__ import annotations

import numpy as np

from matcher.domain.item import Verification, VerificationStatus
from matcher.simulate.draws import BoolArray, Draws
from matcher.simulate.faults import Fault

_DAY_US = 24 * 3_600_000_000

#: Method, source and version of an inspection, with weights.
METHODS = (
    (("photo", "vision-grader", "2.3.1"), 60),
    (("video", "vision-grader", "2.4.0"), 10),
    (("human", "store-inspection", "1"), 30),
)
#: Hours since an inspection that is fresh, and since one that is not.
FRESH_HOURS = ((0.1, 24, 70), (24, 72, 30))
OLD_HOURS = ((40 * 24, 90 * 24, 1),)
#: Confidence in thousandths: what passes a sensible threshold, and what does not.
SURE = (900, 999)
UNSURE = (300, 699)
#: Share of inspections that carry an expiry of their own, 30 days on.
EXPIRY_SHARE = 0.5


def make_evidence(
    draws: Draws, faults: BoolArray, now_us: int
) -> list[Verification | None]:
    """
    Draw one inspection per return item, ``None`` where there was none.

    Parameters
    ----------
    draws
        Seven doubles per item.
    faults
        ``bool (len(Fault), n)``; the verification faults among them are followed.
    now_us
        Instant that ages are counted back from.

    Notes
    -----
    A pending inspection has no confidence yet. Evidence ids number the items, so
    ``E000012`` is about ``R000012``.
    """
    count = faults.shape[1]
    method, methods = draws.pick(METHODS, count)
    fresh = draws.spell_us(FRESH_HOURS, count)
    old = draws.spell_us(OLD_HOURS, count)
    verify_us = now_us - np.where(faults[Fault.VERIFICATION_OLD], old, fresh)
    doubtful = faults[Fault.LOW_CONFIDENCE]
    confidence = np.where(
        doubtful, draws.whole(*UNSURE, count), draws.whole(*SURE, count)
    )
    expires = draws.chance(EXPIRY_SHARE, count)
    status = np.full(count, VerificationStatus.PASSED, np.int64)
    status[faults[Fault.VERIFICATION_FAILED]] = VerificationStatus.FAILED
    status[faults[Fault.VERIFICATION_PENDING]] = VerificationStatus.PENDING
    status[faults[Fault.NOT_VERIFIED]] = VerificationStatus.UNSPECIFIED
    rows = zip(
        status.tolist(),
        method.tolist(),
        confidence.tolist(),
        verify_us.tolist(),
        expires.tolist(),
        faults[Fault.NO_EVIDENCE_ID].tolist(),
        strict=True,
    )
    width = max(6, len(str(count)))
    made: list[Verification | None] = []
    for number, (state, how, sure, at_us, limited, unnamed) in enumerate(rows, 1):
        if state == VerificationStatus.UNSPECIFIED:
            made.append(None)
            continue
        name, source, version = methods[how]
        pending = state == VerificationStatus.PENDING
        made.append(
            Verification(
                status=VerificationStatus(state),
                method=name,
                source=source,
                source_version=version,
                evidence_id="" if unnamed else f"E{number:0{width}d}",
                confidence=None if pending else sure / 1000,
                verify_us=at_us,
                expire_us=at_us + 30 * _DAY_US if limited else None,
            )
        )
    return made
