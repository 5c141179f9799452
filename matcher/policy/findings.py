"""A list of checks in the making."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from matcher.domain.reason import Check, CheckResult, Gate, Reason, ReasonCode
from matcher.policy.wording import stated

_NONE = ReasonCode.UNSPECIFIED


# Most items pass most checks with the same words: one value serves them all, which
# halves the time of the gates and most of the memory of what they found.
@lru_cache(maxsize=10_000)
def _passed(gate: Gate, name: str, observed: str, accepted: str) -> Check:
    return Check(gate, name, CheckResult.PASSED, observed, accepted)


@lru_cache(maxsize=10_000)
def _unknown(gate: Gate, name: str, what: str, accepted: str) -> tuple[Check, Reason]:
    code = ReasonCode.INSUFFICIENT_EVIDENCE
    return (
        Check(gate, name, CheckResult.FAILED, "unknown", accepted, code),
        stated(code, observed=what, accepted=accepted),
    )


@lru_cache(maxsize=10_000)
def _skipped(gate: Gate, name: str, because: str) -> Check:
    return Check(gate, name, CheckResult.SKIPPED, "", because)


@lru_cache(maxsize=10_000)
def _failed(
    gate: Gate, code: ReasonCode, name: str, observed: str, accepted: str
) -> tuple[Check, Reason]:
    return (
        Check(gate, name, CheckResult.FAILED, observed, accepted, code),
        stated(code, observed=observed, accepted=accepted),
    )


@dataclass(slots=True)
class Findings:
    """Checks and reasons found so far, and until when they stay true."""

    now_us: int
    valid_until_us: int
    checks: list[Check] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)

    def passed(
        self,
        gate: Gate,
        name: str,
        observed: str,
        accepted: str,
        evidence_id: str = "",
    ) -> None:
        """Note a check that passed."""
        if evidence_id:
            self.checks.append(
                Check(
                    gate,
                    name,
                    CheckResult.PASSED,
                    observed,
                    accepted,
                    _NONE,
                    evidence_id,
                )
            )
        else:
            self.checks.append(_passed(gate, name, observed, accepted))

    def failed(
        self,
        code: ReasonCode,
        name: str,
        observed: str,
        accepted: str,
        evidence_id: str = "",
    ) -> None:
        """Note a check that failed, and its reason."""
        gate = code.gate
        check, reason = _failed(gate, code, name, observed, accepted)
        if evidence_id:
            check = replace(check, evidence_id=evidence_id)
        self.checks.append(check)
        self.reasons.append(reason)

    def unknown(self, gate: Gate, name: str, what: str, accepted: str) -> None:
        """Note a check that fails closed because ``what`` is not known."""
        check, reason = _unknown(gate, name, what, accepted)
        self.checks.append(check)
        self.reasons.append(reason)

    def skipped(self, gate: Gate, name: str, because: str) -> None:
        """Note a check that could not run; what it rests on has failed already."""
        self.checks.append(_skipped(gate, name, because))

    def holds_until(self, instant_us: int) -> None:
        """Note that a passed check may fail from an instant on."""
        self.valid_until_us = min(self.valid_until_us, instant_us)
