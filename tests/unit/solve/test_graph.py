"""matcher/solve/graph.py: what is a problem and what is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from matcher.domain.errors import InvalidProblemError
from matcher.solve import CandidateGraph
from matcher.solve.graph import COUNT_MAX, SAVING_MAX, TOTAL_MAX, best_savings

INT64_MAX = 2**63 - 1

# Row 0 may go to columns 0 and 1, row 1 to column 1, row 2 nowhere.
SOUND: dict[str, Any] = {
    "row_offsets": [0, 2, 3, 3],
    "columns": [0, 1, 1],
    "saving": [5, -3, 0],
    "capacity": [1, 0],
}

# What is handed over instead, and what the message has to say.
REFUSED = {
    "no offset at all": ({"row_offsets": []}, "row_offsets: got [] at the start"),
    "first offset": (
        {"row_offsets": [1, 2, 3, 3]},
        "row_offsets: got [1] at the start",
    ),
    "falling offset": (
        {"row_offsets": [0, 2, 1, 3]},
        "row_offsets[2]: got 1; accepted: 2 or more",
    ),
    "offsets whose differences wrap": (
        {"row_offsets": [0, INT64_MAX, -2, 3]},
        f"row_offsets[2]: got -2; accepted: {INT64_MAX} or more",
    ),
    "last offset": (
        {"row_offsets": [0, 2, 2, 2]},
        "columns: got 3 entries; accepted: 2",
    ),
    "fewer savings": ({"saving": [5, -3]}, "saving: got 2 entries; accepted: 3"),
    "column below": ({"columns": [0, -1, 1]}, "columns[1]: got -1; accepted: 0 to 1"),
    "column above": ({"columns": [0, 1, 2]}, "columns[2]: got 2; accepted: 0 to 1"),
    "column past 32 bits": (
        {"columns": [0, 2**32, 1]},
        "columns[1]: got 4294967296; accepted: -2147483648 to 2147483647",
    ),
    "no columns": ({"capacity": []}, "columns[0]: got 0; accepted: 0 to -1"),
    "capacity": ({"capacity": [1, -1]}, "capacity[1]: got -1; accepted: 0 to"),
    "capacity past 32 bits": (
        {"capacity": [2**31, 1]},
        "capacity[0]: got 2147483648; accepted:",
    ),
    "saving above": (
        {"saving": [5, SAVING_MAX + 1, 0]},
        f"saving[1]: got {SAVING_MAX + 1}; accepted: {-SAVING_MAX} to {SAVING_MAX}",
    ),
    "saving below": (
        {"saving": [5, 0, -SAVING_MAX - 1]},
        f"saving[2]: got {-SAVING_MAX - 1}; accepted:",
    ),
    "unsigned saving past 63 bits": (
        {"saving": np.array([5, 2**63, 0], np.uint64)},
        "saving[1]: got 9223372036854775808; accepted:",
    ),
    "floats": ({"saving": [5.0, 1.0, 0.0]}, "saving: got float64; accepted: integers"),
    "not a number": ({"saving": [np.nan, 1, 0]}, "saving: got float64"),
    "booleans": ({"capacity": [True, False]}, "capacity: got bool; accepted: integers"),
    "texts": ({"columns": ["0", "1", "1"]}, "columns: got <U1; accepted: integers"),
    "a table": ({"columns": [[0, 1, 1]]}, "columns: got 2 dimensions; accepted: 1"),
    "a number": ({"capacity": 3}, "capacity: got 0 dimensions; accepted: 1"),
}


def make(**changed: Any) -> CandidateGraph:
    """Return the sound graph with some arrays changed."""
    return CandidateGraph(**{**SOUND, **changed})


@pytest.mark.parametrize(("changed", "message"), REFUSED.values(), ids=REFUSED)
def test_malformed_is_refused_by_name(changed: dict[str, Any], message: str) -> None:
    """Each fault alone is refused, with field, place, value and accepted range."""
    with pytest.raises(InvalidProblemError, match=re.escape(message)):
        make(**changed)


def test_sound_is_converted_to_the_stated_types() -> None:
    """Lists become int64 and int32 arrays, negative and zero savings included."""
    graph = make()
    assert [
        str(array.dtype)
        for array in (graph.row_offsets, graph.columns, graph.saving, graph.capacity)
    ] == ["int64", "int32", "int64", "int32"]
    assert (graph.row_count, graph.column_count) == (3, 2)
    assert graph.edge_rows.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "arrays",
    [([0], [], [], []), ([0], [], [], [1, 2]), ([0, 0, 0], [], [], [])],
    ids=["nothing", "no rows", "no columns"],
)
def test_nothing_is_a_problem(arrays: tuple[list[int], ...]) -> None:
    """Zero rows, columns or candidates are legal: a quiet day is no mistake."""
    offsets, columns, saving, capacity = map(np.array, arrays)
    graph = CandidateGraph(offsets, columns, saving, capacity)
    assert graph.row_count == len(offsets) - 1
    assert graph.column_count == len(capacity)
    assert len(graph.edge_rows) == 0


def test_fitting_arrays_are_not_copied() -> None:
    """A graph of millions of candidates is not doubled in memory."""
    saving = np.array(SOUND["saving"], np.int64)
    assert make(saving=saving).saving is saving


@pytest.mark.parametrize("kind", ["read-only", "strided", "unaligned"])
def test_arrays_no_kernel_is_compiled_for_are_copied(kind: str) -> None:
    """Read-only (as Arrow hands out), strided and unaligned savings are copied."""
    if kind == "read-only":
        saving = np.array([5, -3, 0], np.int64)
        saving.setflags(write=False)
    elif kind == "strided":
        saving = np.array([5, 9, -3, 9, 0, 9], np.int64)[::2]
    else:
        packed = b"\0" + np.array([5, -3, 0], np.int64).tobytes()
        saving = np.frombuffer(bytearray(packed), np.int64, offset=1)
    flags = make(saving=saving).saving.flags
    assert flags.writeable
    assert flags.c_contiguous
    assert flags.aligned
    assert make(saving=saving).saving.tolist() == [5, -3, 0]


def test_best_savings_skip_empty_rows() -> None:
    """Rows between which an empty one stands keep their own best; losses count 0."""
    graph = CandidateGraph([0, 2, 2, 4, 5, 5], [0] * 5, [4, 7, 3, 2, -9], [1])
    assert best_savings(graph).tolist() == [7, 0, 3, 0, 0]


def test_total_may_reach_the_bound() -> None:
    """Eight best savings summing to 2**63 - 1 are accepted; 2**63 are not."""
    offsets, columns = np.arange(9), np.zeros(8, np.int32)
    saving = np.full(8, SAVING_MAX)
    saving[-1] -= 1
    CandidateGraph(offsets, columns, saving, [1])
    saving[-1] += 1
    message = f"best savings sum to {TOTAL_MAX + 1}; accepted: {TOTAL_MAX} or less"
    with pytest.raises(InvalidProblemError, match=message):
        CandidateGraph(offsets, columns, saving, [1])


def test_only_best_savings_count_towards_the_total() -> None:
    """Sixteen largest savings of one row are fine: it can have but one of them."""
    CandidateGraph([0, 16], np.zeros(16, np.int32), np.full(16, SAVING_MAX), [1])


def test_losses_do_not_offset_the_total() -> None:
    """Nine rows, eight at the bound and one deep in loss, still sum to 2**63."""
    saving = [SAVING_MAX] * 8 + [-SAVING_MAX]
    with pytest.raises(InvalidProblemError, match=str(2**63)):
        CandidateGraph(np.arange(10), np.zeros(9, np.int32), saving, [1])


def test_more_rows_than_kernels_can_number_are_refused() -> None:
    """A broadcast of 2**30 empty rows, which needs no memory, is one too many."""
    offsets = np.broadcast_to(np.int64(0), COUNT_MAX + 2)
    graph = object.__new__(CandidateGraph)
    for name in ("columns", "saving", "capacity"):
        object.__setattr__(graph, name, np.empty(0, np.int64))
    object.__setattr__(graph, "row_offsets", offsets)
    with pytest.raises(InvalidProblemError, match="row_offsets: got 1073741824 places"):
        graph._check_counts()
