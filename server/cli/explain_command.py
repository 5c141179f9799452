"""`nearturn explain`: ask a server why a return took the way it took."""

from __future__ import annotations

from typing import Annotated

import typer

from matcher.domain.errors import InvalidValueError


def explain(
    return_id: Annotated[
        str, typer.Argument(help="A return, whose latest decision is explained.")
    ] = "",
    decision: Annotated[
        str, typer.Option(help="A decision by its id, instead of a return.")
    ] = "",
    server: Annotated[
        str, typer.Option(help="HOST:PORT of the server.")
    ] = "127.0.0.1:50551",
    full: Annotated[
        bool,
        typer.Option(
            help="Tell what else could have been: the round is lived again for it."
        ),
    ] = False,
    locale: Annotated[
        str, typer.Option(help="Language of the texts, such as de or de-AT.")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole answer as one object.")
    ] = False,
) -> None:
    """
    Explain a decision: gates, evidence, texts, and what else could have been.

    With --full: the alternatives of a match and what each would have cost; what an
    unmatched return lacked, and who was before it.

    Example: nearturn explain R000017 --full
    """
    from server.cli.explain_run import explained, told  # noqa: PLC0415 - slow to import

    if bool(return_id) == bool(decision):
        given = "both" if return_id else "neither"
        raise InvalidValueError("return_id", given, "a return or a --decision")
    answer = explained(server, return_id, decision, locale, full=full)
    for line in told(answer, as_json=as_json):
        typer.echo(line)
