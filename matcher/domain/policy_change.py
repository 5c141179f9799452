"""How one policy version differs from another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Dimension(IntEnum):
    """What a change of a policy is about; a step of a rollout changes one (R29)."""

    UNSPECIFIED = 0
    DESCRIPTION = 1
    CATEGORY = 2
    RETURN_REASON = 3
    CONDITION = 4
    VERIFICATION = 5
    RADIUS = 6
    MATCH_KEY = 7
    SAVING = 8
    CUSTOM_MADE = 9
    SEASON = 10
    SEGMENT = 11
    MULTI_ITEM = 12
    ROLLOUT = 13
    VOLUME_CAP = 14
    TIMING = 15
    COST = 16
    STEP_LIMITS = 17
    MESSAGES = 18
    OBJECTIVE = 19
    MATCH_LIMITS = 20
    GUARDRAILS = 21
    DEMAND_FLOOR = 22
    MODE = 23
    JUSTIFICATION = 24


class Direction(IntEnum):
    """Whether a change lets more be matched, or less, or neither for certain."""

    UNSPECIFIED = 0
    WIDER = 1
    NARROWER = 2
    OTHER = 3


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """
    One difference between two versions.

    Parameters
    ----------
    dimension, direction
        What it is about, and which way it goes. One that opens something counts as
        wider, whatever it closes besides.
    path
        The field, rules by their category: ``categories[apparel].radius_m``.
    before, after
        Both values in words.
    step
        How much wider, in the unit of the field: basis points, metres, categories.
        0 where it is not wider or width has no number.
    """

    dimension: Dimension
    direction: Direction
    path: str
    before: str
    after: str
    step: int = 0
