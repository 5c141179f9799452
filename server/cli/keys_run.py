"""What `nearturn keys` does."""

from __future__ import annotations

import getpass
import time
from collections.abc import Sequence
from pathlib import Path

from server.access.api_key_file import ApiKeyFile, KeyOrder, is_held, lifetime_us
from server.access.api_keys import ApiKey


def created(
    path: Path, tenant: str, roles: Sequence[str], expires: str, note: str
) -> str:
    """Make a key and return it."""
    lifetime = None if expires == "never" else lifetime_us(expires)
    order = KeyOrder(tenant, tuple(dict.fromkeys(roles)), note, lifetime)
    return _file(path).create(order, _now_us())


def listed(path: Path) -> list[str]:
    """Return a line for each key."""
    now_us = _now_us()
    return [_line(key, now_us) for key in _file(path).read()]


def revoked(path: Path, key_id: str) -> str:
    """Revoke a key and return its line."""
    now_us = _now_us()
    return _line(_file(path).revoke(key_id, now_us), now_us)


def _line(key: ApiKey, now_us: int) -> str:
    ended = key.revoke_time or key.expire_time
    state = "revoked" if key.revoke_time else "holds"
    if state == "holds" and not is_held(key, now_us):
        state = "expired"
    words = (
        key.key_id,
        state,
        key.tenant,
        ",".join(key.roles),
        f"{key.created_time:%Y-%m-%dT%H:%MZ}",
        f"{ended:%Y-%m-%dT%H:%MZ}" if ended else "never",
        key.note,
    )
    return "  ".join(words).rstrip()


def _file(path: Path) -> ApiKeyFile:
    return ApiKeyFile(path, getpass.getuser())


def _now_us() -> int:
    return time.time_ns() // 1_000
