"""`nearturn export`: decisions and what became of them, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matcher.domain.errors import InvalidValueError

KEY_BYTES_MIN = 16
KEY_BYTES_MAX = 64


def export(
    out: Annotated[Path, typer.Argument(help="File to write, .csv or .parquet.")],
    server: Annotated[
        str, typer.Option(help="HOST:PORT of the server.")
    ] = "127.0.0.1:50551",
    personal: Annotated[
        str,
        typer.Option(
            help="What becomes of personal fields: omit leaves them out, hash puts "
            "keyed hashes in the place of ids and leaves out places and notes, keep "
            "writes them as they are."
        ),
    ] = "omit",
    key_file: Annotated[
        Path | None,
        typer.Option(
            help=f"Secret key of the hashes, {KEY_BYTES_MIN} to {KEY_BYTES_MAX} "
            "bytes; the same key gives the same hashes."
        ),
    ] = None,
) -> None:
    """
    Write every decision with its return and what became of it.

    One row per decision, in the order of their commits. The file is there whole or
    not at all.

    Example: nearturn export evidence.parquet
    """
    from server.cli.evidence_row import Personal  # noqa: PLC0415 - slow to import
    from server.cli.export_run import export_decisions  # noqa: PLC0415
    from server.files.row_file import check_ending  # noqa: PLC0415

    check_ending(out)
    choices = [choice.value for choice in Personal]
    if personal not in choices:
        raise InvalidValueError("personal", personal, ", ".join(choices))
    key = _key(key_file) if personal == Personal.HASH else b""
    count = export_decisions(server, out, Personal(personal), key)
    typer.echo(f"{count:,} decisions in {out}")


def _key(path: Path | None) -> bytes:
    # Without a secret anybody could hash all ids there may be and compare.
    if path is None:
        raise InvalidValueError("key_file", "none", "a file with the key of the hashes")
    key = path.read_bytes().strip()
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise InvalidValueError(
            "key_file",
            f"{path}: {len(key)} bytes",
            f"{KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes",
        )
    return key
