"""Tokens whose signature has been verified, so that it is not for each call."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import jwt

from server.access.caller import Caller
from server.access.key_set import KeySet

#: Tokens that are remembered; some 600 bytes each.
TOKENS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """
    What was found of a token, and as long as what that stands.

    Parameters
    ----------
    caller
        Whose it is.
    key
        The very key that it was verified with. A key set that is read anew has
        others, though they may say the same.
    begin_us, end_us
        From when on it holds, and when no more; the skew of the clocks counted in.
    """

    caller: Caller
    key: jwt.PyJWK
    begin_us: int
    end_us: int

    def stands(self, keys: KeySet, now_us: int) -> bool:
        """Say whether all of it would be found again."""
        is_in_time = self.begin_us <= now_us < self.end_us
        return is_in_time and keys.by_id.get(str(self.key.key_id)) is self.key


class VerifiedTokens:
    """
    The tokens that were verified last, each for as long as it holds.

    A token is known by its SHA-256: nobody who reads our memory gets one. What does
    not stand any more is forgotten when it is asked for, so that it is verified anew,
    and refused with its cause. For use in one event loop.

    Parameters
    ----------
    count_max
        How many; beyond that the one that was asked for longest ago goes.
    """

    def __init__(self, count_max: int = TOKENS_MAX) -> None:
        self._count_max = count_max
        self._by_digest: OrderedDict[bytes, VerifiedToken] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_digest)

    def find(self, token: str, keys: KeySet, now_us: int) -> VerifiedToken | None:
        """Return what is known of a token, ``None`` if it has to be verified."""
        digest = _digest(token)
        found = self._by_digest.get(digest)
        if found is None:
            return None
        if not found.stands(keys, now_us):
            del self._by_digest[digest]
            return None
        self._by_digest.move_to_end(digest)
        return found

    def keep(self, token: str, verified: VerifiedToken) -> None:
        """Remember a token."""
        self._by_digest[_digest(token)] = verified
        if len(self._by_digest) > self._count_max:
            self._by_digest.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
