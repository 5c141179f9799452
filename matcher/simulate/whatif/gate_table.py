"""What gates 1 and 2 find of the items of a timeline, shared by variants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matcher.domain.ids import TenantId
from matcher.domain.objective import Objective
from matcher.domain.policy import BASIS_POINTS, CostModel, Policy, StepLimits
from matcher.domain.return_item import ReturnItem
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import evaluate_gates
from matcher.policy.rollout import rollout_position
from matcher.simulate.whatif.codes import bits_of

IntArray = NDArray[np.int64]

#: Items between two calls of whoever wants to know how far it is.
_STEP = 1_000


@dataclass(frozen=True, slots=True)
class Look:
    """What was found of one item: its reasons, and until when they hold."""

    bits: int
    valid_until_us: int


class GateTable:
    """
    Gates 1 and 2 of every item under one policy, without what a life adds.

    That is rollout, cap, pauses and the demand floor: they do not depend on the item's
    evidence.
    """

    def __init__(
        self,
        tenant: TenantId,
        policy: Policy | None,
        items: Sequence[ReturnItem],
        looked_us: IntArray,
    ) -> None:
        self._tenant = tenant
        self._policy = gate_view(policy) if policy else None
        self._items = items
        self._looked_us = looked_us
        self._is_known = np.zeros(len(items), np.bool_)
        self._bits = np.zeros(len(items), np.int64)
        self._valid_until_us = np.zeros(len(items), np.int64)

    def first_looks(
        self,
        rows: IntArray,
        is_served: NDArray[np.bool_],
        step: Callable[[int], None] = lambda _: None,
    ) -> tuple[IntArray, IntArray]:
        """
        Return what the gates find of items as they come in.

        Parameters
        ----------
        rows
            Which items.
        is_served
            Whether each item, of all, lies in a service area when it comes in.
        step
            Told of so many items looked at.

        Returns
        -------
        tuple of numpy.ndarray
            Sets of reasons (:mod:`~.codes`), and until when each holds.
        """
        unknown = rows[~self._is_known[rows]].tolist()
        for number, row in enumerate(unknown, 1):
            now_us, served = int(self._looked_us[row]), bool(is_served[row])
            look = self.look(self._items[row], now_us, is_served=served)
            self._bits[row] = look.bits
            self._valid_until_us[row] = look.valid_until_us
            if number % _STEP == 0:
                step(_STEP)
        step(len(unknown) % _STEP)
        self._is_known[rows] = True
        return self._bits[rows], self._valid_until_us[rows]

    def look(self, item: ReturnItem, now_us: int, *, is_served: bool) -> Look:
        """Return what the gates find of an item at an instant."""
        report = evaluate_gates(
            item,
            self._policy,
            tenant=self._tenant,
            surroundings=Surroundings(is_served),
            now_us=now_us,
        )
        found = bits_of(reason.code for reason in report.reasons)
        return Look(found, report.valid_until_us)


def gate_view(policy: Policy) -> Policy:
    """
    Return a policy with all that the table leaves aside set to one value.

    Policies with equal views share a table.
    """
    return replace(
        policy,
        version=1,
        owner="",
        description="",
        rollout_basis_points=BASIS_POINTS,
        rollout_steps=(),
        rollout_salt="",
        volume_cap=None,
        cost_model=CostModel(),
        hold_duration_us=1,
        round_interval_us=0,
        round_size=0,
        handling_duration_us=0,
        step_limits=StepLimits(),
        messages=(),
        banned_terms=(),
        objective=Objective.MAX_SAVING,
        match_limits=(),
        guardrails=(),
        evidence_thresholds=None,
        categories=tuple(
            replace(
                rule,
                radius_m=1,
                min_saving_micros=1,
                justification=None,
                demand_floor=None,
            )
            for rule in policy.categories
        ),
    )


class RolloutTable:
    """Where each customer stands, by the salt of a policy."""

    def __init__(self, tenant: TenantId, customer_ids: Sequence[str]) -> None:
        self._tenant = tenant
        self._customer_ids = customer_ids
        self._positions: dict[str, NDArray[np.uint64]] = {}

    def is_out(
        self, policy: Policy, rows: IntArray, now_us: IntArray
    ) -> NDArray[np.bool_]:
        """Return whether customers of items are out, each at an instant of its own."""
        positions = self._of(policy.rollout_salt)[rows]
        steps = policy.rollout_steps
        shares = [policy.rollout_basis_points, *(step.basis_points for step in steps)]
        starts = np.array([step.start_us for step in steps], np.int64)
        share = np.searchsorted(starts, now_us, side="right")
        out = np.zeros(len(positions), np.bool_)
        for at, basis_points in enumerate(shares):
            # Positions from here on are out; at the full share, none is.
            limit = -((-basis_points << 64) // BASIS_POINTS)
            here = share == at
            if limit < 1 << 64:
                out[here] = positions[here] >= np.uint64(limit)
        return out

    def _of(self, salt: str) -> NDArray[np.uint64]:
        found = self._positions.get(salt)
        if found is None:
            known: dict[str, int] = {}
            for each in self._customer_ids:
                if each not in known:
                    known[each] = rollout_position(self._tenant, each, salt)
            found = np.array([known[e] for e in self._customer_ids], np.uint64)
            self._positions[salt] = found
        return found
