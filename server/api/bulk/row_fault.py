"""What is wrong with a row of a chunk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.api.validation import LISTED_MAX


class RowFault(NamedTuple):
    """One faulty field of one row; the value is cut to 80 characters."""

    row: int
    field: str
    value: str
    accepted: str


def refuse_rows(name: str, first_row: int, faults: Iterable[RowFault]) -> None:
    """
    Refuse rows as the items of a list would be refused.

    Parameters
    ----------
    name
        The list.
    first_row
        Which of its items the first row is.
    faults
        What is wrong, if anything.

    Raises
    ------
    InvalidValueError
        With the first hundred faults, by row.
    """
    listed = sorted(faults)[:LISTED_MAX]
    if listed:
        raise InvalidValueError.of(
            [
                FieldViolation(
                    f"{name}[{first_row + each.row}].{each.field}",
                    each.value,
                    each.accepted,
                )
                for each in listed
            ]
        )
