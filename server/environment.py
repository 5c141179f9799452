"""Variables of the environment that look like settings and are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

import structlog

from server.config import ENV_PREFIX, Settings

#: What the command line shows to a server, and is no setting of one.
_SHOWN = ("CA", "TOKEN", "TOKEN_FILE", "CERTIFICATE", "KEY")

log = structlog.get_logger(__name__)


def unknown_variables(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """
    Yield variables with our prefix that nothing reads, each with the nearest setting.

    The nearest is empty if none is near. In the order of their names.
    """
    known = [f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields]
    shown = [f"{ENV_PREFIX}{name}" for name in _SHOWN]
    for name in sorted(names):
        # Case does not count, as where they are read.
        if not name.upper().startswith(ENV_PREFIX):
            continue
        if name.upper() not in (*known, *shown):
            nearest = get_close_matches(name.upper(), known, n=1)
            yield name, nearest[0] if nearest else ""


def warn_of_unknown(names: Iterable[str]) -> None:
    """Log a warning for each: a misspelt setting would else be silently ignored."""
    for name, nearest in unknown_variables(names):
        log.warning("unknown_setting_ignored", variable=name, did_you_mean=nearest)
