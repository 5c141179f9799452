"""Identifiers: what a caller may use as one, and the types that keep them apart."""

from __future__ import annotations

import unicodedata
from typing import NewType

from matcher.domain.errors import InvalidValueError

TenantId = NewType("TenantId", str)
DemandId = NewType("DemandId", str)
ReturnId = NewType("ReturnId", str)
WarehouseId = NewType("WarehouseId", str)
ServiceAreaId = NewType("ServiceAreaId", str)
DropOffPointId = NewType("DropOffPointId", str)
MatchId = NewType("MatchId", str)
RoundId = NewType("RoundId", str)
DecisionId = NewType("DecisionId", str)
LabelId = NewType("LabelId", str)

ID_LENGTH_MAX = 128
ID_ACCEPTED = f"1 to {ID_LENGTH_MAX} printable characters"

# Unicode general categories of characters that nobody can see: controls,
# format marks (bidi overrides among them), surrogates, private use, unassigned,
# and the line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def check_id(field: str, value: str, *, allow_empty: bool = False) -> None:
    """
    Refuse what is not an identifier.

    Parameters
    ----------
    field
        Path of the field, for the error.
    value
        The identifier. Compared byte for byte ever after: it is not normalised.
    allow_empty
        Accept the empty string, for optional names.

    Raises
    ------
    InvalidValueError
        If it is empty, longer than 128 characters, or holds a character of the
        Unicode categories C, Zl or Zp.
    """
    if not value and allow_empty:
        return
    printable = value.isascii() and value.isprintable()
    if not (0 < len(value) <= ID_LENGTH_MAX and (printable or _all_visible(value))):
        raise InvalidValueError(field, value, ID_ACCEPTED)


def _all_visible(value: str) -> bool:
    return not any(unicodedata.category(char) in _HIDDEN for char in value)
