"""Instants on the command line."""

from __future__ import annotations

import time
from datetime import datetime

from matcher.domain.errors import InvalidValueError


def instant_us(field: str, text: str | None) -> int:
    """
    Return the instant that a flag names, now if it was not given.

    Returns
    -------
    int
        Microseconds since the epoch, UTC.

    Raises
    ------
    InvalidValueError
        If the text is no RFC 3339 time, or has no offset from UTC.
    """
    if text is None:
        return time.time_ns() // 1_000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidValueError(
            field, text, "RFC 3339 with an offset, such as 2026-01-31T12:00:00Z"
        )
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond
