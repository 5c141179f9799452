"""`nearturn verify`: check a certificate without the solver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matcher.domain.errors import CertificateError, InvalidValueError

if TYPE_CHECKING:
    pass


def verify(
    file: Annotated[
        Path | None, typer.Argument(help="A file from nearturn plan --out.")
    ] = None,
    round_id: Annotated[
        str, typer.Option("--round", help="A round of a server, instead of a file.")
    ] = "",
    server: Annotated[
        str, typer.Option(help="HOST:PORT of the server.")
    ] = "127.0.0.1:50551",
    replay: Annotated[
        bool,
        typer.Option(
            help="Have the server live the round again, and compare byte for byte."
        ),
    ] = False,
) -> None:
    """
    Check that a plan or round is feasible, and that none is better than is said.

    Better by its objective: most saving, unless the policy says otherwise. What it
    saves is checked in any case.

    Uses the candidates, the matches and the dual prices in the file, and nothing of
    the solver: anyone may check. A round is checked by its server. Exit code 0 if the
    proof holds, 2 if it does not.

    Example: nearturn verify plan.json

    Example: nearturn verify --round r-000000000001 --replay
    """
    if (file is None) == (not round_id):
        given = "neither" if file is None else "both"
        raise InvalidValueError("file", given, "a file or a --round")
    if file is not None:
        _verify_file(file)
        return
    from server.cli.verify_run import verified_round  # noqa: PLC0415 - slow to import

    holds, text = verified_round(server, round_id, replay=replay)
    if not holds:
        raise CertificateError(text)
    typer.echo(text)


def _verify_file(file: Path) -> None:
    from server.cli.plan_file import read_plan  # noqa: PLC0415 - slow to import
    from server.cli.verify_run import proof_text, weight_text  # noqa: PLC0415

    plan = read_plan(file)
    plan.check()
    proof = plan.proof
    typer.echo(
        proof_text(
            (len(proof.columns), len(proof.return_ids), len(proof.demand_ids)),
            len(proof.pairs),
            proof.saving_micros,
            proof.gap,
            limit_count=len(proof.groups),
            weight=weight_text(proof.value, proof.objective) if proof.weight else "",
        )
    )
