"""`nearturn serve`: run the server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from server.interpreter import tune_interpreter

_PANEL = "Settings (over environment, over file)"


def serve(
    config: Annotated[
        Path | None, typer.Option(help="A TOML file with settings by their names.")
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT; port 0 takes a free one.", rich_help_panel=_PANEL
        ),
    ] = None,
    health_listen: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT for health alone, out of the way of calls.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    wire_process: Annotated[
        bool | None,
        typer.Option(
            "--wire-process/--no-wire-process",
            help="Speak gRPC in a process of its own.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    connect_listen: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT for browsers; none unless given.", rich_help_panel=_PANEL
        ),
    ] = None,
    connect_origins: Annotated[
        str | None,
        typer.Option(help="Pages that may call there.", rich_help_panel=_PANEL),
    ] = None,
    store_url: Annotated[
        str | None,
        typer.Option(
            help="sqlite:///FILE, made if missing, or postgresql://USER@HOST/DATABASE.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    tenants: Annotated[
        str | None,
        typer.Option(
            help="Whose data it keeps; several behind commas.", rich_help_panel=_PANEL
        ),
    ] = None,
    insecure: Annotated[
        bool | None,
        typer.Option(
            "--insecure",
            help="No TLS and no credentials: on this machine only.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    tls_certificate: Annotated[
        str | None, typer.Option(help="Its chain, in PEM.", rich_help_panel=_PANEL)
    ] = None,
    tls_key: Annotated[
        str | None, typer.Option(help="Its key, in PEM.", rich_help_panel=_PANEL)
    ] = None,
    api_keys: Annotated[
        str | None,
        typer.Option(help="A file that `nearturn keys` makes.", rich_help_panel=_PANEL),
    ] = None,
    solver_threads: Annotated[
        int | None, typer.Option(help="Threads of a solve.", rich_help_panel=_PANEL)
    ] = None,
    run_timers: Annotated[
        bool | None,
        typer.Option(
            "--timers/--no-timers",
            help="Close rounds and expire holds as time passes.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    metrics_listen: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT that metrics are scraped from.", rich_help_panel=_PANEL
        ),
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option(help="debug, info, warning or error.", rich_help_panel=_PANEL),
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(help="json or console.", rich_help_panel=_PANEL)
    ] = None,
    port_file: Annotated[
        Path | None,
        typer.Option(help="Write the port there once the server serves."),
    ] = None,
) -> None:
    """
    Run the server until SIGTERM or Ctrl-C, then finish, commit and stop.

    Every setting may also come from the environment (NEARTURN_LISTEN and so on) or
    from --config; docs/CONFIGURATION.md lists them all.

    It serves over TLS, and callers show an API key, a token or a certificate;
    docs/SECURITY.md says how. With --insecure it does neither, on this machine only.

    Example: nearturn serve --insecure --store-url sqlite:///nearturn.db

    Example: nearturn serve --listen 0.0.0.0:50551 --tls-certificate tls.crt
    --tls-key tls.key --api-keys keys.json
    """
    # Before the imports: a tenth of their time goes into collections otherwise.
    tune_interpreter()
    # What is slow to import is imported when it runs: --help answers at once.
    import asyncio  # noqa: PLC0415

    from server.config import load_settings  # noqa: PLC0415
    from server.environment import warn_of_unknown  # noqa: PLC0415

    settings = load_settings(
        config,
        listen=listen,
        health_listen=health_listen,
        wire_process=wire_process,
        connect_listen=connect_listen,
        connect_origins=connect_origins,
        store_url=store_url,
        tenants=tenants,
        insecure=insecure,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        api_keys=api_keys,
        solver_threads=solver_threads,
        run_timers=run_timers,
        metrics_listen=metrics_listen,
        log_level=log_level,
        log_format=log_format,
    )
    if not settings.tls_certificate:
        # Read as gRPC is imported: its core writes lines in a form of its own. Without
        # TLS they are about what it also raises; who fails a handshake only they say.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from server.main import serve as run  # noqa: PLC0415 - slow to import
    from server.observability import configure_logs  # noqa: PLC0415 - as above

    configure_logs(level=settings.log_level, style=settings.log_format)
    warn_of_unknown(os.environ)

    def started(port: int) -> None:
        if port_file is not None:
            # Whole or not at all: somebody may be waiting to read it.
            partial = port_file.with_name(port_file.name + ".part")
            partial.write_text(f"{port}\n", encoding="ascii")
            partial.replace(port_file)

    asyncio.run(run(settings, started))
