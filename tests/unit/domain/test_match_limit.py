"""Match limits of a policy: what fits together, and what they are called."""

from __future__ import annotations

import pytest

from matcher.domain.errors import InvalidPolicyError
from matcher.domain.match_limit import COUNT_MAX, LimitKey, LimitScope, MatchLimit
from matcher.domain.objective import Objective
from tests.scenarios import DAY_US, NOW_US, policy

_DAY, _SKU, _ZONE, _WAREHOUSE = list(LimitScope)[1:]


@pytest.mark.parametrize(
    "limits",
    [
        (),
        (MatchLimit(_DAY, 0),),
        (MatchLimit(_ZONE, COUNT_MAX, 15), MatchLimit(_ZONE, 1, 1)),
        (MatchLimit(_WAREHOUSE, 1), MatchLimit(_ZONE, 1, 7), MatchLimit(_DAY, 1)),
        (MatchLimit(_SKU, 1), MatchLimit(_ZONE, 1, 7), MatchLimit(_DAY, 1)),
    ],
)
def test_what_nests_is_accepted(limits: tuple[MatchLimit, ...]) -> None:
    """In any order: one tree of returns, one of demands, and the day."""
    assert policy(match_limits=limits).match_limits == limits


def test_all_faults_are_listed_at_once() -> None:
    """Path, value and what is accepted, beside the faults of other fields."""
    limits = (
        MatchLimit(LimitScope.UNSPECIFIED, 1),
        MatchLimit(_DAY, -1),
        MatchLimit(_DAY, 1),
        MatchLimit(_ZONE, 1),
        MatchLimit(_ZONE, 1, 16),
        MatchLimit(_SKU, COUNT_MAX + 1, 7),
        MatchLimit(_SKU, 1),
        MatchLimit(_WAREHOUSE, 1),
    )
    with pytest.raises(InvalidPolicyError) as refused:
        policy(match_limits=limits, rollout_basis_points=-1)
    found = [(each.field, each.value) for each in refused.value.violations]
    assert found == [
        ("rollout_basis_points", "-1"),
        ("match_limits[0].scope", "UNSPECIFIED"),
        ("match_limits[1].count_max", "-1"),
        ("match_limits[2]", "DAY"),
        ("match_limits[3].resolution", "0"),
        ("match_limits[4].resolution", "16"),
        ("match_limits[5].count_max", "1000000001"),
        ("match_limits[5].resolution", "7"),
        ("match_limits[7].scope", "WAREHOUSE beside SKU"),
    ]
    assert all(each.accepted for each in refused.value.violations)


def test_an_objective_has_to_be_one() -> None:
    """Unspecified is filled in where a document comes in, and nowhere else."""
    with pytest.raises(InvalidPolicyError, match="objective: got UNSPECIFIED"):
        policy(objective=Objective.UNSPECIFIED)


def test_a_key_is_readable_and_stable() -> None:
    """Scope, day and what is counted; a SKU with slashes comes last and whole."""
    day = NOW_US // DAY_US
    assert LimitKey(_DAY, 0, "", day).text == "DAY/2026-03-02"
    assert LimitKey(_SKU, 0, "a/b", day).text == "SKU/2026-03-02/a/b"
    cell = LimitKey(_ZONE, 7, "871f1d489ffffff", day)
    assert cell.text == "ZONE/2026-03-02/871f1d489ffffff"
