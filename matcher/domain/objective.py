"""What the matches of a round are to be best at."""

from __future__ import annotations

from enum import IntEnum


class Objective(IntEnum):
    """What is made the most of; what comes second decides among equals."""

    UNSPECIFIED = 0
    MAX_SAVING = 1
    MAX_MATCHES_THEN_SAVING = 2
    MAX_MATCHES_THEN_DISTANCE = 3
