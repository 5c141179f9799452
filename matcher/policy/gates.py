"""Gates 1 and 2: may this item be matched at all, and on what evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace

from matcher.domain.ids import TenantId
from matcher.domain.policy import CategoryRule, Policy
from matcher.domain.reason import Check, CheckResult, Reason, ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.domain.shadow import CONTROL_CODES
from matcher.policy.eligibility import (
    VOLUME_CHECK,
    Surroundings,
    eligibility_checks,
    volume_check,
)
from matcher.policy.findings import Findings
from matcher.policy.verification import verification_checks
from matcher.policy.volume import Admission

FOREVER_US = 2**63 - 1


@dataclass(frozen=True, slots=True)
class GateReport:
    """
    What gates 1 and 2 found about one item.

    ``reasons`` is empty exactly when both passed. A report that passed or is pending
    stays true until ``valid_until_us`` (microseconds since the epoch, excluded) under
    the same policy version and service areas: then evidence ages out or a season
    ends. One that failed for good is not to be kept.
    """

    checks: tuple[Check, ...]
    reasons: tuple[Reason, ...]
    rule: CategoryRule | None
    policy_version: int
    valid_until_us: int

    @property
    def passed(self) -> bool:
        """Whether the item may be matched."""
        return not self.reasons

    @property
    def eligible(self) -> bool:
        """Whether nothing stands in the way but, at most, the rollout (R25)."""
        return {reason.code for reason in self.reasons} <= {ReasonCode.NOT_IN_ROLLOUT}

    @property
    def kept_out(self) -> ReasonCode:
        """
        What keeps out an item that passes all else: rollout, volume cap or mode.

        The strongest of them; UNSPECIFIED if none does, or something else as well.
        """
        codes = {reason.code for reason in self.reasons}
        if not codes <= set(CONTROL_CODES):
            return ReasonCode.UNSPECIFIED
        found = (code for code in CONTROL_CODES if code in codes)
        return next(found, ReasonCode.UNSPECIFIED)

    @property
    def pending(self) -> bool:
        """Whether nothing but a running inspection stands in the way."""
        return {reason.code for reason in self.reasons} == {
            ReasonCode.VERIFICATION_PENDING
        }

    @property
    def paused(self) -> bool:
        """Whether a pause stands in the way, and at most an inspection besides."""
        codes = {reason.code for reason in self.reasons}
        return ReasonCode.PROGRAM_PAUSED in codes and codes <= {
            ReasonCode.PROGRAM_PAUSED,
            ReasonCode.VERIFICATION_PENDING,
        }


def evaluate_gates(
    item: ReturnItem,
    policy: Policy | None,
    *,
    tenant: TenantId,
    surroundings: Surroundings,
    now_us: int,
) -> GateReport:
    """
    Run every check of gates 1 and 2; none is left out because another failed.

    Parameters
    ----------
    item
        The return item.
    policy
        The active version, or ``None``: then nothing is matched.
    tenant
        Whose rollout counts.
    surroundings
        Service areas and pauses.
    now_us
        Instant of the evaluation, microseconds since the epoch.

    Returns
    -------
    GateReport
        Checks in the order of the gates, one reason per failed check.

    Notes
    -----
    What a check needs but nobody knows fails closed. The channel is no input.
    """
    rule = policy.rule_for(item.category) if policy is not None else None
    findings = Findings(now_us=now_us, valid_until_us=FOREVER_US)
    verification_checks(findings, item, rule)
    eligibility_checks(findings, item, policy, rule, tenant, surroundings)
    return GateReport(
        checks=tuple(findings.checks),
        reasons=tuple(findings.reasons),
        rule=rule,
        policy_version=policy.version if policy is not None else 0,
        valid_until_us=findings.valid_until_us,
    )


def with_admission(
    report: GateReport, policy: Policy, admission: Admission
) -> GateReport:
    """Return a report with the answer of the volume cap, which is asked last."""
    if policy.volume_cap is None:
        # Without a cap the check has passed already.
        return report
    findings = Findings(now_us=0, valid_until_us=report.valid_until_us)
    volume_check(findings, policy, admission)
    return replace(
        report,
        checks=tuple(
            findings.checks[0] if check.name == VOLUME_CHECK else check
            for check in report.checks
        ),
        reasons=(*report.reasons, *findings.reasons),
    )


def failed_checks(report: GateReport) -> list[Check]:
    """Return the checks that failed, in order."""
    return [check for check in report.checks if check.result is CheckResult.FAILED]
