"""A decision explained in full, out of the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matcher.domain.decision import Decision
from matcher.domain.ids import TenantId
from matcher.domain.reason import ReasonCode
from matcher.explain.detail import (
    Detail,
    deciding_round,
    has_reason,
    market_detail,
    rollout_change,
)
from matcher.explain.smallest_change import ChangeKind, SmallestChange
from matcher.solve import Stop
from server.runtime.past import Past


def full_detail(
    tenant: TenantId,
    decision: Decision,
    earlier: Sequence[Decision],
    past: Past,
    stop: Stop,
) -> Detail:
    """
    Tell what else could have been, months later as on the day.

    Parameters
    ----------
    tenant
        Whose decision it is.
    decision, earlier
        The decision, and those of its item before it, oldest first.
    past
        Where rounds and refusals are lived again.
    stop
        Ends that when it is requested.

    Raises
    ------
    NearturnError
        As :class:`server.runtime.past.Past` does.
    """
    detail = Detail()
    round_id = deciding_round(decision, earlier)
    if round_id:
        settled = past.market(tenant, round_id, stop)
        detail = market_detail(settled, decision.return_id, round_id, stop)
    changes: list[SmallestChange] = []
    if has_reason(decision, ReasonCode.NOT_IN_ROLLOUT):
        changes += _rollout_changes(tenant, decision, past)
    if has_reason(decision, ReasonCode.VOLUME_CAP_REACHED):
        missing = past.asking(tenant, decision, stop).missing_places()
        changes.append(SmallestChange(ChangeKind.CAP_PLACE, missing))
    return replace(detail, changes=(*detail.changes, *changes))


def _rollout_changes(
    tenant: TenantId, decision: Decision, past: Past
) -> list[SmallestChange]:
    # The customer of an item never changes, so that its present row will do.
    record = past.store.return_item(tenant, decision.return_id)
    policy = past.store.policy(tenant, decision.policy_version)
    assert record is not None, "a decision has an item"
    assert policy is not None, "a rollout is a policy's"
    return [rollout_change(tenant, record.item, policy.policy)]
