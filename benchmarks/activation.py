"""A policy version that comes into force for a benchmark."""

from __future__ import annotations

from matcher.domain.policy_change import Dimension
from matcher.domain.program import SignOff, SignOffItem
from matcher.engine.commands import ActivatePolicy


def activation(version: int) -> ActivatePolicy:
    """Return the command, however wide the version: nobody signs for a benchmark."""
    signed = tuple(SignOff(item, "bench") for item in SignOffItem if item)
    return ActivatePolicy(version, tuple(Dimension), signed)
