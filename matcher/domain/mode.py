"""Whether a policy acts on what it decides."""

from __future__ import annotations

from enum import IntEnum


class Mode(IntEnum):
    """
    What becomes of an item that a policy lets in.

    ACT lets it wait for a buyer. SHADOW decides and does not act: it goes to its
    warehouse at once and is kept as a shadow. UNSPECIFIED counts as ACT.
    """

    UNSPECIFIED = 0
    ACT = 1
    SHADOW = 2
