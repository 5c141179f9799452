"""Values as the text of a CSV cell."""

from __future__ import annotations

from datetime import datetime

from server.files.cell import join_list, time_text


def cell_text(value: object) -> str:
    """
    Write a value as a CSV cell.

    Floats are written with the fewest digits that give the same float back, times
    as RFC 3339 in UTC, lists with ``;`` between them, and ``None`` as nothing.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, list | tuple):
        return join_list(tuple(str(text) for text in value))
    return str(value)
