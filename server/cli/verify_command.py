"""`nearturn verify`: check a plan's certificate without the solver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from matcher.engine.proof import Proof


def verify(
    file: Annotated[Path, typer.Argument(help="A file from nearturn plan --out.")],
) -> None:
    """
    Check that a plan is feasible, and that none is better than is said.

    Better by its objective: most saving, unless the policy says otherwise. What it
    saves is checked in any case.

    Uses the candidates, the matches and the dual prices in the file, and nothing of
    the solver: anyone may check. Exit code 0 if the proof holds, 2 if it does not.
    """
    from server.cli.plan_file import read_plan  # noqa: PLC0415 - slow to import

    plan = read_plan(file)
    plan.check()
    proof = plan.proof
    typer.echo(
        f"verified: {len(proof.columns)} candidates between {len(proof.return_ids)} "
        f"returns and {len(proof.demand_ids)} demands{_groups(proof)}; "
        f"{len(proof.pairs)} matches save {proof.saving_micros} micros{_weight(proof)}"
        ", and the prices sum to "
        + (f"{proof.gap} more: the optimum may" if proof.gap else "the same")
    )


def _groups(proof: Proof) -> str:
    return f" within {len(proof.groups)} match limits" if proof.groups else ""


def _weight(proof: Proof) -> str:
    # What the proof is about, if that is not what is saved.
    if not proof.weight:
        return ""
    return f" and weigh {proof.value} by {proof.objective}"
