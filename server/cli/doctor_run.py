"""Runs all checks and says what came of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from matcher.domain.errors import InvalidValueError
from server.cli.doctor_findings import Finding, Level, fail, ok
from server.config import Settings, load_settings

_COLORS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def examined(config: Path | None, **flags: str | bool | None) -> bool:
    """Print a line for each check, and what to do; return whether none has failed."""
    worst = Level.OK
    for finding in findings(config, **flags):
        worst = max(worst, finding.level)
        level = typer.style(f"{finding.level.name:<4}", fg=_COLORS[finding.level])
        typer.echo(f"{level}  {finding.check:<14}  {finding.said}")
        if finding.todo:
            typer.echo(f"{'':<22}{finding.todo}")
    return worst < Level.FAIL


def findings(config: Path | None, **flags: str | bool | None) -> Iterator[Finding]:
    """Yield the findings as they come; without settings there is nothing else."""
    try:
        settings = load_settings(config, **flags)
    except InvalidValueError as error:
        for each in error.violations:
            todo = "docs/CONFIGURATION.md lists all settings."
            yield fail("settings", str(each), todo)
        return
    yield ok("settings", _settings(settings))
    from server.cli.doctor_checks import CHECKS, check_store  # noqa: PLC0415 - slow

    yield from check_store(settings)
    for check in CHECKS:
        yield check(settings)


def _settings(settings: Settings) -> str:
    given = sorted(settings.model_fields_set)
    return f"sound; given: {', '.join(given)}" if given else "sound; all by default"
