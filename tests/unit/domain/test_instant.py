"""Instants as text."""

from __future__ import annotations

import pytest

from matcher.domain.instant import utc_text


@pytest.mark.parametrize(
    ("instant_us", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_772_452_800_000_000, "2026-03-02T12:00:00Z"),
        (1_772_452_800_000_001, "2026-03-02T12:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        (253_402_300_800_000_000, "253402300800000000 us since the epoch"),
        (2**63 - 1, "9223372036854775807 us since the epoch"),
    ],
)
def test_an_instant_is_rfc_3339_in_utc(instant_us: int, text: str) -> None:
    """Microseconds only where there are any; outside the calendar, its number."""
    assert utc_text(instant_us) == text
