"""Values as text of a cell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.files.text_cell import cell_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("a;b", "a;b"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC), "2026-03-01T12:00:00.000001Z"),
        (["a;b", "c"], r"a\;b;c"),
        ((), ""),
    ],
)
def test_each_type_has_its_text(value: object, text: str) -> None:
    """Truth values are words and not numbers; floats are as short as they can be."""
    assert cell_text(value) == text
