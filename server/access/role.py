"""Roles of callers, as the contract numbers them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from matcher.domain.errors import InvalidValueError


class Role(IntEnum):
    """What a caller may do; the schema says which method needs which."""

    READ = 1
    SUBMIT = 2
    OPERATE = 3
    ADMIN = 4


#: The roles by the names that people and credentials use.
ROLE_NAMES = {role.name.lower(): role for role in Role}


def roles_of(field: str, names: Iterable[object]) -> frozenset[Role]:
    """
    Return the roles with some names.

    Raises
    ------
    InvalidValueError
        If there is none, or one that is not known.
    """
    found = set()
    for name in names:
        role = ROLE_NAMES.get(name) if isinstance(name, str) else None
        if role is None:
            raise InvalidValueError(field, name, f"of {', '.join(ROLE_NAMES)}")
        found.add(role)
    if not found:
        raise InvalidValueError(field, "", f"at least one of {', '.join(ROLE_NAMES)}")
    return frozenset(found)
