"""Sticky, monotone rollout: who is in, decided by a salted hash alone."""

from __future__ import annotations

from hashlib import blake2b

from matcher.domain.ids import TenantId
from matcher.domain.policy import BASIS_POINTS, Policy

_HASH_BITS = 64


def rollout_position(tenant: TenantId, customer_id: str, salt: str) -> int:
    """
    Place a customer on a circle of 2**64 points.

    Parameters
    ----------
    tenant, customer_id
        Who is placed; each customer has one place per tenant and salt.
    salt
        Draws everybody anew when it changes.

    Returns
    -------
    int
        Position, ``0 <= position < 2**64``, uniform over customers.
    """
    digest = blake2b(digest_size=_HASH_BITS // 8)
    for part in (tenant, customer_id, salt):
        encoded = part.encode()
        # The length keeps ("ab", "c") and ("a", "bc") apart.
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return int.from_bytes(digest.digest(), "big")


def in_rollout(tenant: TenantId, customer_id: str, policy: Policy, now_us: int) -> bool:
    """
    Tell whether a customer is in the policy's rollout at an instant.

    A position counts as in when it lies below the share, so a raised share keeps
    everybody who was in (monotone), and nothing but the three hashed values has a
    say (sticky). Integers throughout: no rounding at the edges.
    """
    position = rollout_position(tenant, customer_id, policy.rollout_salt)
    return position * BASIS_POINTS < policy.rollout_at(now_us) << _HASH_BITS


def share_that_lets_in(tenant: TenantId, customer_id: str, salt: str) -> int:
    """Return the smallest rollout, in basis points, that lets a customer in."""
    position = rollout_position(tenant, customer_id, salt)
    return (position * BASIS_POINTS >> _HASH_BITS) + 1
