"""Rollout: who is in stays in, and nothing but three strings has a say."""

from __future__ import annotations

from itertools import pairwise

import pytest

from matcher.domain.ids import TenantId
from matcher.domain.policy import RolloutStep
from matcher.policy import rollout
from matcher.policy.rollout import in_rollout, rollout_position
from tests.scenarios import NOW_US, TENANT, policy

_CUSTOMERS = [f"customer-{number}" for number in range(10_000)]
_SHARES = (0, 1, 50, 1_000, 2_500, 5_000, 9_999, 10_000)


def _in(share: int, salt: str = "", tenant: TenantId = TENANT) -> set[str]:
    document = policy(rollout_basis_points=share, rollout_salt=salt)
    return {each for each in _CUSTOMERS if in_rollout(tenant, each, document, NOW_US)}


def test_a_raised_share_keeps_everybody_who_was_in() -> None:
    """Each share of 10,000 customers contains every smaller one (R42)."""
    steps = [_in(share) for share in _SHARES]
    for narrow, wide in pairwise(steps):
        assert narrow <= wide


def test_a_rollout_of_a_hundred_thousand_drops_nobody() -> None:
    """From 5 to 50 to 100 %, as versions and as steps: nobody falls out (R42)."""
    customers = [f"customer-{number}" for number in range(100_000)]
    shares = (500, 5_000, 10_000)
    versions = [policy(rollout_basis_points=each, rollout_salt="s") for each in shares]
    stepped = policy(
        rollout_basis_points=shares[0],
        rollout_salt="s",
        rollout_steps=(RolloutStep(NOW_US, 5_000), RolloutStep(NOW_US + 1, 10_000)),
    )
    instants_us = (NOW_US - 1, NOW_US, NOW_US + 1)
    before: set[str] = set()
    for share, version, now_us in zip(shares, versions, instants_us, strict=True):
        now = {each for each in customers if in_rollout(TENANT, each, version, now_us)}
        assert before <= now
        # Four standard deviations of the widest of the three, 50 %.
        assert abs(len(now) - share * 10) < 4 * (100_000 * 0.25) ** 0.5
        assert now == {c for c in customers if in_rollout(TENANT, c, stepped, now_us)}
        before = now
    assert len(before) == 100_000


@pytest.mark.parametrize("share", [1_000, 2_500, 5_000])
def test_the_share_is_what_was_asked_for(share: int) -> None:
    """Of 10,000 customers, within four standard deviations of the share."""
    expected = share
    deviation = (10_000 * share / 10_000 * (1 - share / 10_000)) ** 0.5
    assert abs(len(_in(share)) - expected) < 4 * deviation


def test_nobody_and_everybody_are_exact() -> None:
    """0 lets nobody in and 10,000 everybody."""
    assert not _in(0)
    assert len(_in(10_000)) == len(_CUSTOMERS)


@pytest.mark.parametrize(
    ("position", "share", "expected"),
    [(0, 0, False), (0, 1, True), (2**64 - 1, 9_999, False), (2**64 - 1, 10_000, True)],
)
def test_the_ends_of_the_circle_are_exact(
    monkeypatch: pytest.MonkeyPatch, position: int, share: int, expected: bool
) -> None:
    """The first point is out at 0 and the last is in at 10,000, to the point."""
    monkeypatch.setattr(rollout, "rollout_position", lambda *_: position)
    document = policy(rollout_basis_points=share)
    assert in_rollout(TENANT, "c", document, NOW_US) is expected


def test_another_salt_or_tenant_draws_anew() -> None:
    """A quarter of a quarter stays by chance: far from all, far from none (R42)."""
    first = _in(2_500)
    for other in (_in(2_500, "spring"), _in(2_500, tenant=TenantId("other"))):
        assert 0.2 < len(first & other) / len(first) < 0.3


def test_the_position_never_changes() -> None:
    """A figure made by hand, BLAKE2b of length-prefixed parts: sticky for years."""
    assert rollout_position(TENANT, "customer-1", "") == 0x1536A93C80204719
    # Lengths count bytes of UTF-8: five letters are six.
    assert rollout_position(TENANT, "kund\u00f6", "s") == 0x3A78E116B7ACD128


def test_the_parts_are_kept_apart() -> None:
    """("ab", "c") and ("a", "bc") are two places."""
    first = rollout_position(TenantId("ab"), "c", "")
    assert first != rollout_position(TenantId("a"), "bc", "")
    assert first != rollout_position(TenantId("ab"), "", "c")
