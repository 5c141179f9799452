"""What one comparison found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Result:
    """
    One way on one input, or one point of a sweep.

    Parameters
    ----------
    family
        The suite's part, such as ``assignment``.
    case
        The input in words.
    way
        Ours or the peer's name.
    seconds
        Median over the repetitions.
    ratio
        Its time over ours: above 1, ours is faster. ``None`` for ours.
    peak_mib
        Growth of the process at most, sampled.
    numbers
        Anything else that was counted or measured, by name and unit.
    """

    family: str
    case: str
    way: str
    seconds: float
    ratio: float | None = None
    peak_mib: float | None = None
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A way that was left out, and why."""

    family: str
    way: str
    why: str
