"""The page of states says what the engine's tables say."""

from __future__ import annotations

from scripts.states import DOCUMENT, END, START, written


def test_tables_are_those_of_the_engine() -> None:
    """Making docs/STATES.md anew with `scripts/states.py` changes nothing."""
    document = DOCUMENT.read_text(encoding="utf-8")
    assert document.count(START) == document.count(END) == 1
    assert written(document) == document
