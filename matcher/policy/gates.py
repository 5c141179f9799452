"""Gates 1 and 2: may this item be matched at all, and on what evidence."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.ids import TenantId
from matcher.domain.policy import CategoryRule, Policy
from matcher.domain.reason import Check, CheckResult, Reason, ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.policy.eligibility import eligibility_checks
from matcher.policy.findings import Findings
from matcher.policy.verification import verification_checks

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
    def pending(self) -> bool:
        """Whether nothing but a running inspection stands in the way."""
        return {reason.code for reason in self.reasons} == {
            ReasonCode.VERIFICATION_PENDING
        }


def evaluate_gates(
    item: ReturnItem,
    policy: Policy | None,
    *,
    tenant: TenantId,
    in_service_area: bool,
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
    in_service_area
        Whether the item lies in one of the tenant's areas, or there are none.
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
    eligibility_checks(findings, item, policy, rule, tenant, in_service_area)
    return GateReport(
        checks=tuple(findings.checks),
        reasons=tuple(findings.reasons),
        rule=rule,
        policy_version=policy.version if policy is not None else 0,
        valid_until_us=findings.valid_until_us,
    )


def failed_checks(report: GateReport) -> list[Check]:
    """Return the checks that failed, in order."""
    return [check for check in report.checks if check.result is CheckResult.FAILED]
