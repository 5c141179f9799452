"""API keys: random secrets of which only hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import TenantId, check_id
from server.access.caller import Caller
from server.access.refusal import UnauthenticatedError
from server.access.role import roles_of

#: What every key begins with: it tells keys from tokens, and scanners for leaked
#: secrets know them by it.
PREFIX = "ntk_"

#: Random bytes of a secret. So many cannot be guessed, so a fast hash is enough: a
#: slow one is for what people make up, and would be paid for on every call.
SECRET_BYTES = 32

_KEY = re.compile(r"ntk_([a-z2-7]{16})_([A-Za-z0-9_-]{43})")
_ID = re.compile(r"[a-z2-7]{16}")
_HASH = re.compile(r"[0-9a-f]{64}")

# Compared with where there is no such key, so that both take as long.
_NO_HASH = "0" * 64


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key as it is stored: everything but the secret."""

    key_id: str
    tenant: str
    roles: tuple[str, ...]
    secret_sha256: str
    note: str = ""
    created_time: datetime
    created_by: str = ""
    expire_time: datetime | None = None
    revoke_time: datetime | None = None
    revoked_by: str = ""


class KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document in a file of keys."""

    keys: tuple[ApiKey, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """All keys that a server knows, by their ids."""

    by_id: dict[str, ApiKey]

    @classmethod
    def of(cls, keys: Iterable[ApiKey]) -> ApiKeys:
        """
        Check keys and put them by their ids.

        Raises
        ------
        InvalidValueError
            If one has a field that is out of range, or two have one id.
        """
        by_id: dict[str, ApiKey] = {}
        for index, key in enumerate(keys):
            try:
                _check(key)
            except InvalidValueError as error:
                raise error.under(f"keys[{index}]") from error
            if key.key_id in by_id:
                raise InvalidValueError(f"keys[{index}].key_id", key.key_id, "once")
            by_id[key.key_id] = key
        return cls(by_id)

    def caller(self, text: str, now_us: int) -> Caller:
        """
        Return whose key it is.

        Parameters
        ----------
        text
            The key as it was given out.
        now_us
            The instant.

        Raises
        ------
        UnauthenticatedError
            If it is no key of ours, or holds no longer.
        """
        match = _KEY.fullmatch(text)
        if match is None:
            raise UnauthenticatedError("malformed", "no API key has this form")
        key_id, secret = match.groups()
        key = self.by_id.get(key_id)
        stored = _NO_HASH if key is None else key.secret_sha256
        # In constant time: how long it takes says nothing about the hash.
        is_same = hmac.compare_digest(secret_sha256(secret), stored)
        if key is None or not is_same:
            raise UnauthenticatedError("unknown", "no such API key")
        if key.revoke_time is not None:
            raise UnauthenticatedError("revoked", f"API key {key_id} is revoked")
        if key.expire_time is not None and now_us >= micros(key.expire_time):
            raise UnauthenticatedError("expired", f"API key {key_id} has expired")
        return Caller(f"key:{key_id}", TenantId(key.tenant), roles_of("", key.roles))


def read_keys(raw: bytes) -> ApiKeys:
    """
    Read a file of keys.

    Raises
    ------
    InvalidValueError
        If it is no such document. The message holds nothing of its contents.
    """
    try:
        document = msgspec.json.decode(raw or b"{}", type=KeyFile)
    except msgspec.MsgspecError as error:
        raise InvalidValueError(
            "api_keys", str(error), "a file that `nearturn keys` made"
        ) from error
    return ApiKeys.of(document.keys)


def secret_sha256(secret: str) -> str:
    """Return the hash of a secret as it is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def micros(moment: datetime) -> int:
    """Return an instant in microseconds since the epoch."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND


_MICROSECOND = datetime.resolution


def _check(key: ApiKey) -> None:
    if not _ID.fullmatch(key.key_id):
        raise InvalidValueError("key_id", key.key_id, "16 of a-z and 2-7")
    if not _HASH.fullmatch(key.secret_sha256):
        raise InvalidValueError("secret_sha256", "...", "64 hexadecimal digits")
    check_id("tenant", key.tenant)
    roles_of("roles", key.roles)
    for name in ("created_time", "expire_time", "revoke_time"):
        moment = getattr(key, name)
        if moment is not None and moment.tzinfo is None:
            raise InvalidValueError(name, str(moment), "a time with an offset from UTC")
