"""What a check of an installation comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is."""

    OK = 0
    WARN = 1
    FAIL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what it is about, how it ended, a sentence, and what to do."""

    check: str
    level: Level
    said: str
    todo: str = ""


def ok(check: str, said: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(check, Level.OK, said)


def warn(check: str, said: str, todo: str) -> Finding:
    """Return a finding that a server can live with."""
    return Finding(check, Level.WARN, said, todo)


def fail(check: str, said: str, todo: str) -> Finding:
    """Return a finding that keeps a server from serving, or from serving well."""
    return Finding(check, Level.FAIL, said, todo)
