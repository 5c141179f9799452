"""A command to store demands whose JSON is at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matcher.engine.commands import UpsertDemands


@dataclass(frozen=True, slots=True, eq=False)
class WrittenDemands(UpsertDemands):
    """
    Demands together with what :mod:`server.storage.codec` would write of them.

    Whoever has them by the column writes that beside the engine's thread and in a
    fraction of the time. The engine sees an ``UpsertDemands``; the store takes the
    texts as they are, and the journal reads back as the command itself.

    Parameters
    ----------
    documents
        The JSON of each demand, an Arrow array of strings without nulls.
    event
        The JSON of the command, which the journal keeps.
    """

    documents: Any
    event: bytes
