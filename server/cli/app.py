"""The `nearturn` command."""

from __future__ import annotations

import typer

from matcher.domain.errors import InvalidValueError, NearturnError
from server.cli import (
    audit_command,
    bench_command,
    connection_options,
    demo_command,
    doctor_command,
    erase_command,
    explain_command,
    export_command,
    keys_command,
    load_command,
    plan_command,
    policy_command,
    report_command,
    scenario_command,
    serve_command,
    simulate_command,
    store_command,
    top_command,
    verify_command,
)

app = typer.Typer(
    name="nearturn",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.callback()(connection_options.connection_options)
app.command("serve")(serve_command.serve)
app.command("load")(load_command.load)
app.command("plan")(plan_command.plan)
app.command("simulate")(simulate_command.simulate)
app.command("explain")(explain_command.explain)
app.command("report")(report_command.report)
app.command("export")(export_command.export)
app.command("scenario")(scenario_command.scenario)
app.add_typer(policy_command.app, name="policy")
app.command("erase")(erase_command.erase)
app.command("audit")(audit_command.audit)
app.add_typer(keys_command.app, name="keys")
app.add_typer(store_command.app, name="store")
app.command("verify")(verify_command.verify)
app.command("doctor")(doctor_command.doctor)
app.command("top")(top_command.top)
app.command("demo")(demo_command.demo)
app.command("bench")(bench_command.bench)


def main() -> None:
    """Run the command line; an error of ours is one line and exit code 2."""
    try:
        app()
    except InvalidValueError as error:
        for violation in error.violations:
            typer.echo(f"error: {violation}", err=True)
        raise SystemExit(2) from None
    except NearturnError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        raise SystemExit(1) from None
    except OSError as error:
        if error.filename is None:
            raise
        typer.echo(f"error: {error.filename}: {error.strerror}", err=True)
        raise SystemExit(2) from None
