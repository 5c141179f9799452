"""`nearturn policy`: check a policy, compare two, say one in plain language."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from server.cli.instant import instant_us

app = typer.Typer(
    help="Check a policy document, compare two, say one in plain language, or list "
    "what people are told under it.",
    no_args_is_help=True,
)

_FILE = typer.Argument(help="A policy, JSON or TOML.")


@app.command()
def check(file: Annotated[Path, _FILE]) -> None:
    """
    Check a policy document; every fault is one line, and the exit code is 2.

    Example: nearturn policy check examples/policies/pilot.toml
    """
    from server.cli.inputs import read_policy  # noqa: PLC0415 - slow to import

    policy = read_policy(file)
    typer.echo(f"valid: {len(policy.categories):,} categories")


@app.command()
def diff(
    base: Annotated[Path, typer.Argument(help="The policy to start from.")],
    target: Annotated[Path, typer.Argument(help="The other one.")],
) -> None:
    """
    Show how two policies differ, and what activating the second would need.

    Example: nearturn policy diff examples/policies/pilot.json
    examples/policies/demo.json
    """
    from matcher.policy.comparison import (  # noqa: PLC0415 - slow to import
        compare,
        dimensions,
        to_acknowledge,
        warnings,
    )
    from server.cli.inputs import read_policy  # noqa: PLC0415

    before, after = read_policy(base), read_policy(target)
    changes = compare(before, after)
    if not changes:
        typer.echo("no difference")
    for change in changes:
        width = f" (+{change.step:,})" if change.step else ""
        typer.echo(
            f"{change.direction.name.lower():<8} {change.path}: "
            f"{change.before} -> {change.after}{width}"
        )
    for warning in warnings(dimensions(changes)):
        typer.echo(f"warning: {warning}")
    for dimension in to_acknowledge(changes, before.step_limits):
        typer.echo(f"to acknowledge: {dimension.name}")


@app.command()
def messages(
    file: Annotated[
        Path | None, typer.Argument(help="A policy; none: as shipped.")
    ] = None,
    locale: Annotated[
        str, typer.Option(help="Language tag, such as de or de-AT.")
    ] = "en",
    variant: Annotated[
        str,
        typer.Option(
            help="training: a table of all; email: to customers; help: an article for "
            "a help centre."
        ),
    ] = "training",
) -> None:
    """
    List what people are told for every reason, in Markdown.

    As a table for training, as e-mails to customers, or as an article for a help
    centre: the same sentences each time.

    Example: nearturn policy messages examples/policies/pilot.json --locale de

    Example: nearturn policy messages --variant help
    """
    from matcher.domain.errors import InvalidValueError  # noqa: PLC0415 - as below
    from matcher.explain.message_catalogue import (  # noqa: PLC0415 - slow to import
        MessageCatalogue,
    )
    from matcher.explain.training import training_table  # noqa: PLC0415
    from matcher.explain.variants import emails, help_article  # noqa: PLC0415
    from server.cli.inputs import read_policy  # noqa: PLC0415

    variants = {"training": training_table, "email": emails, "help": help_article}
    if variant not in variants:
        raise InvalidValueError("variant", variant, ", ".join(variants))
    policy = read_policy(file) if file is not None else None
    typer.echo(variants[variant](MessageCatalogue.of(policy), locale))


@app.command()
def render(
    file: Annotated[Path, _FILE],
    at: Annotated[
        str | None,
        typer.Option(help="Instant to say it for, RFC 3339; default: now."),
    ] = None,
) -> None:
    """
    Say in plain language what a policy accepts, read off the gates as they run.

    Example: nearturn policy render examples/policies/pilot.json
    """
    from matcher.explain.rendering import render as rendered  # noqa: PLC0415 - slow
    from server.cli.inputs import read_policy  # noqa: PLC0415

    typer.echo(rendered(read_policy(file), instant_us("at", at)).text)
