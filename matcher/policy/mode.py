"""The mode of a policy in words, and which one lets more through."""

from __future__ import annotations

from matcher.domain.mode import Mode


def mode_words(mode: Mode) -> str:
    """Return a mode: ``act`` or ``shadow``."""
    return "shadow" if mode is Mode.SHADOW else "act"


def mode_width(mode: Mode) -> frozenset[str]:
    """Return what a mode lets through: nothing in shadow, which narrows all else."""
    return frozenset() if mode is Mode.SHADOW else frozenset({"matches"})


def mode_sentence(mode: Mode) -> str:
    """Say what becomes of an item that passes."""
    if mode is Mode.SHADOW:
        return (
            "Mode: shadow. The policy decides and does not act: everything goes to a "
            "warehouse at once, and what would have matched is kept."
        )
    return "Mode: act."
