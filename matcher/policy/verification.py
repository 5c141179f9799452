"""Gate 1: is there evidence, did it pass, is it fresh, is it sure enough."""

from __future__ import annotations

from matcher.domain.instant import utc_text
from matcher.domain.item import Verification, VerificationStatus
from matcher.domain.policy import CategoryRule
from matcher.domain.reason import Gate, ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.policy.findings import Findings
from matcher.policy.words import age_words, confidence_words

#: Evidence dated further ahead than this is no evidence; less is clock skew.
CLOCK_SKEW_US = 5 * 60 * 1_000_000

_GATE = Gate.VERIFICATION
_LATER = ("evidence_identified", "evidence_fresh", "evidence_confident")


def verification_checks(
    findings: Findings, item: ReturnItem, rule: CategoryRule | None
) -> None:
    """
    Add the checks of gate 1.

    ``rule`` gives the category's thresholds; without one, freshness is judged by
    the evidence's own expiry and confidence cannot be judged.
    """
    evidence = item.verification
    if evidence is None or evidence.status is VerificationStatus.UNSPECIFIED:
        findings.failed(
            ReasonCode.VERIFICATION_MISSING, "inspection_passed", "none", "passed"
        )
    elif evidence.status is VerificationStatus.PASSED:
        findings.passed(
            _GATE, "inspection_passed", "passed", "passed", evidence.evidence_id
        )
        _check_identified(findings, evidence)
        _check_fresh(findings, evidence, rule)
        _check_confident(findings, evidence, rule)
        return
    else:
        code = (
            ReasonCode.VERIFICATION_FAILED
            if evidence.status is VerificationStatus.FAILED
            else ReasonCode.VERIFICATION_PENDING
        )
        findings.failed(
            code,
            "inspection_passed",
            evidence.status.name.lower(),
            "passed",
            evidence.evidence_id,
        )
    for name in _LATER:
        findings.skipped(_GATE, name, "needs an inspection that passed")


def _check_identified(findings: Findings, evidence: Verification) -> None:
    name = "evidence_identified"
    if evidence.evidence_id:
        findings.passed(
            _GATE, name, evidence.evidence_id, "an evidence id", evidence.evidence_id
        )
    else:
        findings.unknown(_GATE, name, "which evidence it is", "an evidence id")


def _check_fresh(
    findings: Findings, evidence: Verification, rule: CategoryRule | None
) -> None:
    name = "evidence_fresh"
    now_us = findings.now_us
    if evidence.verify_us is None:
        findings.unknown(_GATE, name, "when it was inspected", "a time of inspection")
        return
    if evidence.verify_us > now_us + CLOCK_SKEW_US:
        findings.failed(
            ReasonCode.INSUFFICIENT_EVIDENCE,
            name,
            "inspected in the future",
            "a time of inspection that has come",
            evidence.evidence_id,
        )
        return
    # First instants at which the evidence no longer counts, and the limits in words.
    ends, limits = [], []
    if rule is not None:
        # The age limit itself is still accepted; the next microsecond is not.
        ends.append(evidence.verify_us + rule.verification_max_age_us + 1)
        limits.append(age_words(rule.verification_max_age_us))
    if evidence.expire_us is not None:
        ends.append(evidence.expire_us)
        limits.append(f"before {utc_text(evidence.expire_us)}")
    accepted = " and ".join(limits) or "any age"
    # Instants, not an age: a report that is kept must not go stale by itself.
    observed = f"inspected {utc_text(evidence.verify_us)}"
    if any(now_us >= end for end in ends):
        findings.failed(
            ReasonCode.VERIFICATION_EXPIRED,
            name,
            f"{observed}, judged {utc_text(now_us)}",
            accepted,
            evidence.evidence_id,
        )
        return
    for end in ends:
        findings.holds_until(end)
    findings.passed(_GATE, name, observed, accepted, evidence.evidence_id)


def _check_confident(
    findings: Findings, evidence: Verification, rule: CategoryRule | None
) -> None:
    name = "evidence_confident"
    if rule is None:
        findings.skipped(_GATE, name, "needs a rule for the category")
    elif evidence.confidence is None:
        accepted = confidence_words(rule.min_confidence)
        findings.unknown(_GATE, name, "how sure the evidence is", accepted)
    elif evidence.confidence < rule.min_confidence:
        findings.failed(
            ReasonCode.VERIFICATION_LOW_CONFIDENCE,
            name,
            str(evidence.confidence),
            confidence_words(rule.min_confidence),
            evidence.evidence_id,
        )
    else:
        findings.passed(
            _GATE,
            name,
            str(evidence.confidence),
            confidence_words(rule.min_confidence),
            evidence.evidence_id,
        )
