"""`nearturn keys`: give out API keys, and take them back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Make, list and revoke the API keys that a server takes. It reads the file "
    "again within a second; no restart.",
    no_args_is_help=True,
)

_FILE = typer.Option(
    envvar="NEARTURN_API_KEYS",
    help="The file of keys, as the server's setting api_keys names it.",
)


@app.command()
def create(
    file: Annotated[Path, _FILE],
    role: Annotated[
        list[str],
        typer.Option(help="read, submit, operate or admin; once for each."),
    ],
    tenant: Annotated[
        str,
        typer.Option(envvar="NEARTURN_TENANT", help="Whose data it is for."),
    ] = "default",
    expires: Annotated[
        str,
        typer.Option(help="How long it holds: 12h, 90d; or never."),
    ] = "365d",
    note: Annotated[str, typer.Option(help="What it is for; stands in the file.")] = "",
) -> None:
    """
    Make a key and print it, once: the file has only its hash.

    Example: nearturn keys create --file keys.json --role submit --role read
    --expires 90d --note "order system" > key.txt
    """
    from server.cli.keys_run import created  # noqa: PLC0415 - slow to import

    typer.echo(created(file, tenant, role, expires, note))


@app.command(name="list")
def list_(file: Annotated[Path, _FILE]) -> None:
    """
    List all keys, oldest first: id, state, tenant, roles, times, what it is for.

    Example: nearturn keys list --file keys.json
    """
    from server.cli.keys_run import listed  # noqa: PLC0415 - slow to import

    for line in listed(file):
        typer.echo(line)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as list shows it.")],
    file: Annotated[Path, _FILE],
) -> None:
    """
    Let a key open nothing any more; calls that run are not cut off.

    Example: nearturn keys revoke --file keys.json abcdefghijklmnop
    """
    from server.cli.keys_run import revoked  # noqa: PLC0415 - slow to import

    typer.echo(revoked(file, key_id))
