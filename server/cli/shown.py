"""What a command shows to the server that it calls."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Shown:
    """
    Files and secrets that a connection is made with, and the tenant that is named.

    All may be missing.
    """

    ca: Path | None = None
    token: str | None = None
    token_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    tenant: str | None = None

    @property
    def is_secure(self) -> bool:
        """Say whether anything was given that only TLS has a use for."""
        return replace(self, tenant=None) != Shown()


_SHOWN: ContextVar[Shown | None] = ContextVar("shown", default=None)


def show(shown: Shown) -> None:
    """Note what was given before the command."""
    _SHOWN.set(shown)


def what_is_shown() -> Shown:
    """Return what was given; nothing where no command line was read."""
    return _SHOWN.get() or Shown()
