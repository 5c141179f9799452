"""A round on its way: what it took along, and that with its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.ids import ReturnId, RoundId
from matcher.domain.match_limit import LimitKey
from matcher.domain.policy import Policy
from matcher.domain.reason import ReasonCode
from matcher.engine.journal import RoundFinished
from matcher.engine.market import Market
from matcher.engine.match_groups import MatchGroups, PairKeys
from matcher.engine.proof import pack
from matcher.engine.records import ReturnRecord
from matcher.engine.round_memory import Left, Terms
from matcher.engine.round_solve import SolvedMarket, solve_market
from matcher.engine.shadow_rounds import ShadowTask, SolvedShadows, solve_shadows
from matcher.engine.stages import Stage, Stages, unwatched
from matcher.policy.gates import GateReport
from matcher.solve import Stop


@dataclass(frozen=True, slots=True)
class RoundTask:
    """
    What a round takes along to be solved, while the shard goes on.

    ``round_id`` is given when it is finished, so that a round that is lost leaves no
    gap. ``terms`` are those that the market was priced under; its rows name warehouses
    by their place in that network, and the shard's may change meanwhile. ``unmoved``
    are the items that wait as before: nothing near them changed. ``keys`` are what its
    pairs count for under match limits, ``taken`` the places that matches of the day had
    then, and ``groups`` what was left. ``remaining`` are the units that each warehouse
    still took, ``int64 (W,)``. ``codes`` are the reasons of all items that are not in
    the market: those, and the ones sent to a warehouse by the gates, or waiting for an
    inspection.
    """

    started_us: int
    policy: Policy
    market: Market
    keys: PairKeys
    taken: Mapping[LimitKey, int]
    groups: MatchGroups | None
    terms: Terms
    remaining: NDArray[np.int64]
    unmoved: Mapping[ReturnId, Left]
    records: tuple[ReturnRecord, ...]
    reports: tuple[GateReport, ...]
    codes: tuple[tuple[ReasonCode, ...], ...]
    routed_ids: tuple[ReturnId, ...]
    shadows: ShadowTask
    round_id: RoundId = RoundId("")


@dataclass(frozen=True, slots=True)
class SolvedRound:
    """A task with its proven optimum, the proof as it will be stored, the shadows."""

    task: RoundTask
    solved: SolvedMarket
    proof: bytes
    shadows: SolvedShadows

    @property
    def event(self) -> RoundFinished:
        """What the journal has to know of it."""
        return RoundFinished(
            self.proof if self.solved.assignment.gap else b"",
            self.shadows.solved is not None,
        )


def solve_round(
    task: RoundTask,
    *,
    threads: int = 1,
    stop: Stop | None = None,
    stages: Stages = unwatched,
) -> SolvedRound:
    """
    Solve a task; touches nothing but its arguments, so any thread may do it.

    ``stages`` is told of each stage from ``SOLVE`` to ``SHADOWS``.

    Raises
    ------
    InvalidValueError
        If the policy's objective cannot put matches first in 64 bits.
    CertificateError
        If the checker refuses the answer.
    """
    solved = solve_market(
        task.market,
        objective=task.policy.objective,
        groups=task.groups,
        threads=threads,
        stop=stop,
        stages=stages,
    )
    with stages(Stage.PROVE):
        proof = solved.proof(
            [record.item.return_id for record in task.records],
            [record.demand.demand_id for record in task.market.demands],
        )
        packed = pack(proof)
    with stages(Stage.SHADOWS):
        shadows = solve_shadows(task.shadows, solved, threads=threads, stop=stop)
    return SolvedRound(task, solved, packed, shadows)
