"""`nearturn verify`: check a plan's certificate without the solver."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def verify(
    file: Annotated[Path, typer.Argument(help="A file from nearturn plan --out.")],
) -> None:
    """
    Check that a plan is feasible, and that none saves more than is said.

    Uses the candidates, the matches and the dual prices in the file, and nothing of
    the solver: anyone may check. Exit code 0 if the proof holds, 2 if it does not.
    """
    from server.cli.plan_file import read_plan  # noqa: PLC0415 - slow to import

    plan = read_plan(file)
    plan.check()
    proof = plan.proof
    typer.echo(
        f"verified: {len(proof.columns)} candidates between {len(proof.return_ids)} "
        f"returns and {len(proof.demand_ids)} demands; {len(proof.pairs)} matches "
        f"save {proof.value} micros, and the prices sum to "
        + (f"{proof.gap} more: the optimum may" if proof.gap else "the same")
    )
