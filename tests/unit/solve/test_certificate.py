"""matcher/solve/certificate.py: every kind of damage is seen."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from matcher.domain.errors import CertificateError
from matcher.solve import Assignment, CandidateGraph, check_certificate
from matcher.solve.graph import SAVING_MAX

# Two rows want column 0 (10, 9), row 0 may also go to column 1 (4), row 2 may go
# nowhere worth its while (-2 at column 1), column 2 has two units and no candidate.
GRAPH = CandidateGraph(
    [0, 2, 3, 4],
    np.array([0, 1, 0, 1], np.int32),
    np.array([10, 4, 9, -2], np.int64),
    np.array([1, 1, 2], np.int32),
)
PROOF = Assignment(
    np.array([1, 0, -1], np.int32),
    np.array([4, 3, 0], np.int64),
    np.array([6, 0, 0], np.int64),
    13,
)

INT64_MAX = 2**63 - 1

DAMAGED: dict[str, tuple[dict[str, Any], str]] = {
    "column missing": ({"column": [1, 0]}, "column: got shape (2,); accepted: (3,)"),
    "price too many": (
        {"return_price": [4, 3, 0, 0]},
        "return_price: got shape (4,); accepted: (3,)",
    ),
    "demand price missing": (
        {"demand_price": [6, 0]},
        "demand_price: got shape (2,); accepted: (3,)",
    ),
    "table": ({"demand_price": [[6, 0, 0]]}, "demand_price: got shape (1, 3)"),
    "floats": (
        {"return_price": [4.0, 3.0, 0.0]},
        "return_price: got float64; accepted: integers",
    ),
    "booleans": ({"column": [True, False, False]}, "column: got bool"),
    "texts": ({"column": ["1", "0", "0"]}, "column: got <U1; accepted: integers"),
    "nothing": ({"column": None}, "column: got shape (); accepted: (3,)"),
    "unsigned past 63 bits": (
        {"return_price": np.array([4, 2**64 - 1, 0], np.uint64)},
        f"return_price[1]: got {2**64 - 1}; accepted: {INT64_MAX} or less",
    ),
    "column below": (
        {"column": [1, 0, -2]},
        "row 2 is on column -2; accepted: -1 to 2",
    ),
    "column above": ({"column": [3, 0, -1]}, "row 0 is on column 3; accepted: -1 to 2"),
    "no candidate": (
        {"column": [1, 2, -1]},
        "row 1 is on column 2, which is no candidate",
    ),
    "candidate of another row": (
        {"column": [-1, 1, -1]},
        "row 1 is on column 1, which is no candidate",
    ),
    "over capacity": (
        {"column": [0, 0, -1], "value": 19},
        "column 0 has 2 rows; accepted: 1 or fewer",
    ),
    "negative return price": (
        {"return_price": [4, 3, -1]},
        "return_price[2]: got -1; accepted: 0 or more",
    ),
    "negative demand price": (
        {"demand_price": [6, 0, -1]},
        "demand_price[2]: got -1; accepted: 0 or more",
    ),
    "negative price that hides another": (
        {"return_price": [-6, 3, 0], "demand_price": [16, 10, 0]},
        "return_price[0]: got -6",
    ),
    "return price too low": (
        {"return_price": [4, 2, 0]},
        "row 1 and column 0 would save 9, more than their prices 2 and 6",
    ),
    "demand price too low": (
        {"demand_price": [5, 0, 0]},
        "row 0 and column 0 would save 10, more than their prices 4 and 5",
    ),
    "return price too high": (
        {"return_price": [4, 3, 1]},
        "matches save 13, prices sum to 14, claimed is 13",
    ),
    "demand price too high, two units": (
        {"demand_price": [6, 0, 1]},
        "matches save 13, prices sum to 15, claimed is 13",
    ),
    "match forgotten": (
        {"column": [-1, 0, -1]},
        "matches save 9, prices sum to 13, claimed is 13",
    ),
    "match at a loss": (
        {"column": [-1, 0, 1], "value": 7},
        "matches save 7, prices sum to 13, claimed is 7",
    ),
    "greedy": (
        {"column": [0, -1, -1], "value": 10},
        "matches save 10, prices sum to 13, claimed is 10",
    ),
    "value too high": (
        {"value": 14},
        "matches save 13, prices sum to 13, claimed is 14",
    ),
    "value a float": ({"value": 13.0}, "claimed is 13.0"),
    "value wrapped": ({"value": 13 + 2**64}, f"claimed is {13 + 2**64}"),
    "value nothing": ({"value": None}, "claimed is None"),
    "prices that wrap to 13": (
        # Two prices of 2**63 - 1 make 2**64 - 2, which 64 bits show as -2.
        {
            "return_price": [4, INT64_MAX, INT64_MAX],
            "demand_price": [6, 5, 0],
        },
        f"prices sum to {2**64 + 13}, claimed is 13",
    ),
    "price times units wraps to 0": (
        {"demand_price": [6, 0, 2**62]},
        f"prices sum to {13 + 2**63}",
    ),
}


@pytest.mark.parametrize(("changed", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damage_is_refused(changed: dict[str, Any], message: str) -> None:
    """Each damage alone to a sound proof is refused, naming place and numbers."""
    damaged = replace(PROOF, **changed)
    with pytest.raises(CertificateError, match=re.escape(message)):
        check_certificate(GRAPH, damaged)


def test_sound_proof_is_accepted() -> None:
    """The proof that all damage above is done to is accepted as it stands."""
    check_certificate(GRAPH, PROOF)


def test_other_optimal_prices_are_accepted() -> None:
    """Prices need not be ours: row 1 at 0 and column 0 at 9 prove the same total."""
    check_certificate(
        GRAPH,
        replace(
            PROOF, return_price=np.array([4, 0, 0]), demand_price=np.array([9, 0, 0])
        ),
    )


def test_small_integer_types_are_read_by_value() -> None:
    """A proof kept in bytes to save space proves as much as one in 64 bits."""
    check_certificate(
        GRAPH,
        Assignment(
            np.array([1, 0, -1], np.int8),
            np.array([4, 3, 0], np.uint8),
            np.array([6, 0, 0], np.uint64),
            13,
        ),
    )


def test_repeated_pair_counts_with_its_better_saving() -> None:
    """A pair listed with 3 and 8 proves a total of 8 and refuses one of 3."""
    graph = CandidateGraph([0, 2], [0, 0], [3, 8], [1])
    proof = Assignment(np.array([0]), np.array([8]), np.array([0]), 8)
    check_certificate(graph, proof)
    with pytest.raises(CertificateError, match="would save 8"):
        check_certificate(graph, replace(proof, return_price=np.array([3]), value=3))


def test_demand_without_a_unit_costs_nothing_at_any_price() -> None:
    """Quantity 0 at the highest price there is adds nothing to the dual total."""
    graph = CandidateGraph([0, 1], [0], [5], [0])
    proof = Assignment(np.array([-1]), np.array([0]), np.array([INT64_MAX]), 0)
    check_certificate(graph, proof)
    with pytest.raises(CertificateError, match="row 0 and column 0 would save 5"):
        check_certificate(graph, replace(proof, demand_price=np.array([4])))


def test_highest_prices_over_the_deepest_loss() -> None:
    """Saving -2**60 under a price of 2**63 - 1 must not wrap to a violation."""
    graph = CandidateGraph([0, 1], [0], [-SAVING_MAX], [0])
    proof = Assignment(np.array([-1]), np.array([INT64_MAX]), np.array([0]), 0)
    with pytest.raises(CertificateError, match=f"prices sum to {INT64_MAX}"):
        check_certificate(graph, proof)


def test_nothing_is_proven_by_nothing() -> None:
    """No rows and no columns have the empty proof, of value 0 and no other."""
    graph = CandidateGraph([0], [], [], [])
    nothing = np.empty(0, np.int64)
    check_certificate(graph, Assignment(nothing, nothing, nothing, 0))
    with pytest.raises(CertificateError, match="claimed is 1"):
        check_certificate(graph, Assignment(nothing, nothing, nothing, 1))


def test_checker_does_not_use_the_solver() -> None:
    """The proof's checker stands alone: it reaches neither numba nor a kernel."""
    from matcher.solve import certificate  # noqa: PLC0415

    names = set(vars(certificate))
    assert not names & {"njit", "numba", "assign", "assign_kernel", "order_kernel"}
