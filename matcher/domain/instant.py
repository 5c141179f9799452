"""Instants as the domain keeps them: microseconds since the epoch, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_text(instant_us: int) -> str:
    """
    Return an instant as RFC 3339 text in UTC, microseconds only where there are any.

    Instants outside the years 1 to 9999 are given as their number.
    """
    try:
        moment = _EPOCH + timedelta(microseconds=instant_us)
    except OverflowError:
        return f"{instant_us} us since the epoch"
    return moment.isoformat().replace("+00:00", "Z")
