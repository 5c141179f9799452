"""Policies that differ in a field or two."""

from __future__ import annotations

import pytest

from matcher.domain.errors import InvalidValueError
from nearturn.v1 import match_limit_pb2
from server.api.policy_sweep import swept
from tests.contract.messages import policy


def test_every_combination_comes_once_in_order() -> None:
    """The first field varies slowest; the base is left as it was."""
    base = policy()
    radius, rollout = "categories[apparel].radius_m", "rollout_basis_points"
    found = list(swept(base, [(radius, ["1", "2"]), (rollout, ["0", "10000"])]))
    assert [tuple(values.values()) for values, _ in found] == [
        ("1", "0"),
        ("1", "10000"),
        ("2", "0"),
        ("2", "10000"),
    ]
    assert [
        (each.categories[0].radius_m, each.rollout_basis_points) for _, each in found
    ] == [(1, 0), (1, 10_000), (2, 0), (2, 10_000)]
    assert base == policy()


def test_parts_that_are_unset_are_made_and_unmade() -> None:
    """A cap where there was none; null takes a field away."""
    window = "volume_cap.window"
    base = policy()
    base.volume_cap.basis_points = 100
    ((_, capped),) = swept(base, [(window, ['"7200s"'])])
    assert capped.volume_cap is not None
    assert capped.volume_cap.window_us == 7_200_000_000
    ((_, free),) = swept(base, [("volume_cap", ["null"])])
    assert free.volume_cap is None


def test_limits_are_named_by_their_scope() -> None:
    """One of them, or all; the others stay as they were (R26)."""
    base = policy(
        match_limits=[
            match_limit_pb2.MatchLimit(scope=scope, count_max=9)
            for scope in (
                match_limit_pb2.LIMIT_SCOPE_DAY,
                match_limit_pb2.LIMIT_SCOPE_SKU,
            )
        ]
    )
    ((_, one),) = swept(base, [("match_limits[DAY].count_max", ["4"])])
    assert [each.count_max for each in one.match_limits] == [4, 9]
    ((_, both),) = swept(base, [("match_limits[*].count_max", ["5"])])
    assert [each.count_max for each in both.match_limits] == [5, 5]
    with pytest.raises(InvalidValueError, match="one of the match_limits: DAY, SKU"):
        list(swept(base, [("match_limits[ZONE].count_max", ["1"])]))


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("categories[shoes].radius_m", "1", "one of the categories: apparel"),
        ("categories", "1", "a Policy"),
        ("categories[0]", "1", "sweeps[0].path"),
        ("cost_model.zones[1].price_micros", "1", "categories[NAME]"),
        ("owner.name", "1", "sweeps[0].path"),
        ("", "1", "sweeps[0].path"),
        ("no_such_field", "1", "no_such_field"),
        ("rollout_basis_points", "1e", "sweeps[0].values"),
        ("rollout_basis_points", "-1", "0 to 10,000"),
        ("rollout_basis_points", '"many"', "rollout_basis_points"),
        ("categories[*].min_confidence", "NaN", "min_confidence"),
        ("volume_cap.basis_points", "5", "volume_cap.window"),
    ],
)
def test_faults_are_named(path: str, value: str, named: str) -> None:
    """A path that leads nowhere, a value that is none, a policy that is not valid."""
    with pytest.raises(InvalidValueError) as caught:
        list(swept(policy(), [(path, [value])]))
    assert named in str(caught.value)
