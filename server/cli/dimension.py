"""Dimensions of a policy as a user names them."""

from __future__ import annotations

from collections.abc import Iterable

from matcher.domain.errors import InvalidValueError
from matcher.domain.policy_change import Dimension

_NAMED = {each.name: each for each in Dimension if each is not Dimension.UNSPECIFIED}


def dimensions_named(names: Iterable[str]) -> tuple[Dimension, ...]:
    """Return dimensions by their names, in either case; raises if one is none."""
    found: list[Dimension] = []
    for name in names:
        if name.upper() not in _NAMED:
            accepted = ", ".join(_NAMED)
            raise InvalidValueError("acknowledge", name, f"one of {accepted}")
        found.append(_NAMED[name.upper()])
    return tuple(found)
