"""Keys made and revoked in their file, whole or not at all."""

from __future__ import annotations

import base64
import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from matcher.domain.errors import InvalidValueError, NotFoundError
from server.access.api_keys import (
    PREFIX,
    SECRET_BYTES,
    ApiKey,
    ApiKeys,
    KeyFile,
    micros,
    read_keys,
    secret_sha256,
)

#: Gives random bytes.
Randomness = Callable[[int], bytes]

_ID_BYTES = 10


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """What a new key is to be."""

    tenant: str
    roles: tuple[str, ...]
    note: str = ""
    lifetime_us: int | None = None


@dataclass(frozen=True, slots=True)
class ApiKeyFile:
    """
    A file of keys, for those who give them out.

    Parameters
    ----------
    path
        The file; made if it is missing, readable by its owner only.
    by
        Who does it, for the record.
    """

    path: Path
    by: str

    def create(
        self, order: KeyOrder, now_us: int, randomness: Randomness = secrets.token_bytes
    ) -> str:
        """
        Add a key and return it; it cannot be read again.

        Raises
        ------
        InvalidValueError
            If what was ordered, or the file, is out of range.
        """
        raw_id = base64.b32encode(randomness(_ID_BYTES)).decode().lower()
        raw_secret = base64.urlsafe_b64encode(randomness(SECRET_BYTES))
        secret = raw_secret.decode().rstrip("=")
        created = _moment(now_us)
        expires = order.lifetime_us
        key = ApiKey(
            key_id=raw_id,
            tenant=order.tenant,
            roles=order.roles,
            secret_sha256=secret_sha256(secret),
            note=order.note,
            created_time=created,
            created_by=self.by,
            expire_time=None if expires is None else _moment(now_us + expires),
        )
        with self._changing() as keys:
            keys.append(key)
        return f"{PREFIX}{raw_id}_{secret}"

    def revoke(self, key_id: str, now_us: int) -> ApiKey:
        """
        Let a key hold no longer; one that is revoked already stays as it was.

        Raises
        ------
        NotFoundError
            If there is no such key.
        """
        with self._changing() as keys:
            for index, key in enumerate(keys):
                if key.key_id == key_id:
                    if key.revoke_time is None:
                        keys[index] = msgspec.structs.replace(
                            key, revoke_time=_moment(now_us), revoked_by=self.by
                        )
                    return keys[index]
            raise NotFoundError("API key", key_id)

    def read(self) -> Sequence[ApiKey]:
        """
        Return all keys, oldest first.

        Raises
        ------
        InvalidValueError
            If the file is none of ours.
        """
        if not self.path.is_file():
            return ()
        return tuple(read_keys(self.path.read_bytes()).by_id.values())

    @contextmanager
    def _changing(self) -> Iterator[list[ApiKey]]:
        # Under a lock of its own: the file of keys is replaced, and a lock with it.
        lock = self.path.with_name(self.path.name + ".lock")
        with lock.open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            keys = list(self.read())
            yield keys
            ApiKeys.of(keys)
            self._write(KeyFile(tuple(keys)))

    def _write(self, document: KeyFile) -> None:
        raw = msgspec.json.format(msgspec.json.encode(document), indent=2)
        partial = self.path.with_name(self.path.name + ".part")
        partial.unlink(missing_ok=True)
        # Nobody else ever reads it, not even while it is being written.
        number = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(raw + b"\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)


def lifetime_us(text: str) -> int:
    """
    Return how long a key is to hold.

    Raises
    ------
    InvalidValueError
        If it is no number of days or hours, such as 90d or 12h.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,4})([dh])", text)
    if match is None:
        raise InvalidValueError("expires", text, "1h to 99999h, or 1d to 99999d")
    hours = int(match[1]) * (24 if match[2] == "d" else 1)
    return hours * 3_600_000_000


def is_held(key: ApiKey, now_us: int) -> bool:
    """Say whether a key still opens anything."""
    is_over = key.expire_time is not None and now_us >= micros(key.expire_time)
    return key.revoke_time is None and not is_over


def _moment(at_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
