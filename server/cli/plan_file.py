"""The file that `nearturn plan --out` writes and `nearturn verify` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from matcher.domain.errors import CertificateError, InvalidValueError
from matcher.engine.plan import Plan
from matcher.engine.proof import Proof

FORMAT = "nearturn.plan/1"


class PlannedRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One return item's route, for people and programs."""

    return_id: str
    outcome: str
    reasons: list[str]
    text: str
    demand_id: str | None = None
    distance_m: int | None = None
    saving_micros: int | None = None
    warehouse_id: str | None = None
    over_capacity: bool = False


class PlanFile(msgspec.Struct, frozen=True, kw_only=True):
    """A plan with its proof."""

    format: str
    summary: dict[str, Any]
    routes: list[PlannedRoute]
    proof: Proof

    def check(self) -> None:
        """
        Check the certificate, and that the routes are what it certifies.

        Raises
        ------
        CertificateError
            On the first fault.
        """
        if self.format != FORMAT:
            raise CertificateError(f"format: got {self.format!r}; accepted: {FORMAT!r}")
        self.proof.check()
        stated = sorted(
            (route.return_id, route.demand_id)
            for route in self.routes
            if route.demand_id is not None
        )
        if stated != sorted(self.proof.pairs):
            raise CertificateError("routes: the matches are not those of the proof")
        if len({route.return_id for route in self.routes}) != len(self.routes):
            raise CertificateError("routes: a return has two of them")
        saved = sum(route.saving_micros or 0 for route in self.routes)
        if saved != self.proof.saving_micros:
            raise CertificateError(
                f"routes: they save {saved}, the proof says {self.proof.saving_micros}"
            )


def plan_file(plan: Plan, summary: dict[str, Any]) -> PlanFile:
    """Gather what is written of a plan."""
    return PlanFile(
        format=FORMAT,
        summary=summary,
        routes=[
            PlannedRoute(
                return_id=decision.return_id,
                outcome=decision.outcome.name,
                reasons=[reason.code.name for reason in decision.reasons],
                text=" ".join(reason.text for reason in decision.reasons),
                demand_id=decision.match.demand_id if decision.match else None,
                distance_m=decision.match.distance_m if decision.match else None,
                saving_micros=decision.match.saving_micros if decision.match else None,
                warehouse_id=decision.warehouse.warehouse_id
                if decision.warehouse
                else None,
                over_capacity=bool(
                    decision.warehouse and decision.warehouse.over_capacity
                ),
            )
            for decision in plan.decisions
        ],
        proof=plan.proof,
    )


def write_plan(path: Path, plan: PlanFile) -> None:
    """Write the file as JSON, whole or not at all."""
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(msgspec.json.encode(plan))
    partial.replace(path)


def read_plan(path: Path) -> PlanFile:
    """
    Read a file that `write_plan` wrote.

    Raises
    ------
    InvalidValueError
        If there is no such file.
    CertificateError
        If it is no plan.
    """
    if not path.is_file():
        raise InvalidValueError("file", str(path), "a file that exists")
    try:
        return msgspec.json.decode(path.read_bytes(), type=PlanFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CertificateError(f"{path} is no plan: {error}") from error
