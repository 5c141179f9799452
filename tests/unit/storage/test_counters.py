"""Counters by themselves: what changes raise, and that nothing lowers them."""

from __future__ import annotations

import pytest

from matcher.engine.changes import Changes
from server.storage.counters import Counters
from tests.contract.store.rows import (
    changes_of,
    decision_row,
    demand_row,
    match_row,
    round_row,
)


def test_changes_raise_what_they_number() -> None:
    """Two decisions with ids 9 and 4 are two places in the log and number 9."""
    changes = changes_of(decision_row(9), decision_row(4), match_row(6), round_row(2))
    assert Counters().after(changes) == Counters(2, 9, 6, 2)
    assert Counters(1, 1, 7, 1).after(changes) == Counters(3, 9, 7, 2)


@pytest.mark.parametrize("changes", [Changes(), changes_of(demand_row())], ids=str)
def test_other_changes_raise_nothing(changes: Changes) -> None:
    """Without decisions, matches and rounds the counters stay."""
    assert Counters(5, 6, 7, 8).after(changes) == Counters(5, 6, 7, 8)
