"""Lines in the log of what was decided: ids of ours, and nothing of who it is about."""

from __future__ import annotations

import logging

import structlog

from matcher.domain.ids import TenantId
from matcher.engine.changes import Changes

log = structlog.get_logger(__name__)


def log_stored(tenant: TenantId, changes: Changes) -> None:
    """
    Write a line for each round that is stored, and at level debug for each decision.

    GetReturn and ExplainDecision lead from an id to the return; the log does not.
    """
    for record in changes.rounds:
        log.info(
            "round_stored",
            tenant=tenant,
            round_id=record.round_id,
            policy_version=record.policy_version,
            matched_count=record.matched_count,
            waiting_count=record.waiting_count,
            warehouse_count=record.warehouse_count,
            dropped_count=record.dropped_count,
            saving_micros=record.saving_micros,
            gap_micros=record.dual_micros - record.saving_micros,
        )
    if not log.is_enabled_for(logging.DEBUG):
        return
    for decision in changes.decisions:
        log.debug(
            "decided",
            tenant=tenant,
            decision_id=decision.decision_id,
            round_id=decision.round_id,
            policy_version=decision.policy_version,
            outcome=decision.outcome.name,
            reasons=[reason.code.name for reason in decision.reasons],
        )
