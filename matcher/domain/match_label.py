"""A label that a brand's own label system makes for a match."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.ids import LabelId, check_id

#: Labels that one match may have had.
LABEL_COUNT_MAX = 10


class LabelState(IntEnum):
    """Where a label is in its life (R11)."""

    UNSPECIFIED = 0
    REQUESTED = 1
    ISSUED = 2
    VOIDED = 3
    SUPERSEDED = 4

    @property
    def is_active(self) -> bool:
        """Whether an item may travel under it; of a match, one label at most is."""
        return self in (LabelState.REQUESTED, LabelState.ISSUED)


@dataclass(frozen=True, slots=True)
class MatchLabel:
    """
    A label by the id that the brand's label system knows it by.

    The engine never sees the label: no address, no carrier. ``changed_us`` is when it
    entered its state. ``must_void`` says that it was issued, is of no more use, and
    that the label system has not yet said that it is void there too.
    """

    label_id: LabelId
    state: LabelState
    changed_us: int
    must_void: bool = False

    def __post_init__(self) -> None:
        check_id("label_id", self.label_id)
        assert not (self.must_void and self.state.is_active), self.label_id
