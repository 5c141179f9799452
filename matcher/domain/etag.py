"""Etags: what tells whether somebody changed an entity since it was read."""

from __future__ import annotations

import hashlib

from matcher.domain.errors import VersionMismatchError


def check_etag(kind: str, entity_id: str, current: str, received: str) -> None:
    """
    Refuse a stale etag; an empty one is not compared (AIP-154).

    Raises
    ------
    VersionMismatchError
        If it is neither empty nor the current one.
    """
    if received and received != current:
        raise VersionMismatchError(kind, entity_id, current, received)


def content_etag(value: object) -> str:
    """
    Return the etag of an entity that is replaced as a whole and has no version.

    Equal values have equal etags: a change that was taken back is no change to whoever
    read the entity before. Another release may give others, which costs a caller one
    more read.
    """
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]
