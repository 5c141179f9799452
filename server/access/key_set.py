"""Public keys of an identity provider: a JSON Web Key Set, in a file or at a URL."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from matcher.domain.errors import InvalidValueError
from server.access.watched_file import WatchedFile
from server.runtime.clock import Clock, monotonic_clock

log = structlog.get_logger(__name__)

#: What tokens may be signed with: pairs of keys only. What verifies cannot sign.
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")

#: Bits of an RSA key at least.
RSA_BITS_MIN = 2_048

#: Keys of a set, and bytes of its document, at most.
KEY_COUNT_MAX = 100
BYTES_MAX = 256 * 1024

_FETCH_S = 5.0

# Between two looks because of a key that is not known.
_RENEW_US = 10_000_000

# After a look that failed.
_RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by their ids; each knows the one algorithm that it is for."""

    by_id: dict[str, jwt.PyJWK] = field(default_factory=dict)


def read_key_set(raw: bytes) -> KeySet:
    """
    Read a key set.

    Keys for something else than signatures, or of algorithms that are not ours, are
    left out.

    Raises
    ------
    InvalidValueError
        If it is no key set, has a secret in it, or no key that can be used.
    """
    try:
        document = json.loads(raw)
        keys = document["keys"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _unfit("no JSON with a list of keys") from error
    if not isinstance(keys, list) or not 1 <= len(keys) <= KEY_COUNT_MAX:
        raise _unfit(f"no list of 1 to {KEY_COUNT_MAX} keys")
    by_id: dict[str, jwt.PyJWK] = {}
    for key in keys:
        if not isinstance(key, dict):
            raise _unfit("a key that is no object")
        if key.get("kty") == "oct" or "d" in key:
            raise _unfit("a secret key among them")
        found = _usable(key)
        if found is not None:
            if found.key_id in by_id:
                raise _unfit(f"two keys with kid {found.key_id}")
            by_id[str(found.key_id)] = found
    if not by_id:
        raise _unfit(f"no key with a kid for {', '.join(ALGORITHMS)}")
    return KeySet(by_id)


def _usable(key: dict[str, Any]) -> jwt.PyJWK | None:
    if key.get("use", "sig") != "sig" or not isinstance(key.get("kid"), str):
        return None
    try:
        found = jwt.PyJWK(key)
    except jwt.PyJWTError:
        return None
    is_weak = isinstance(found.key, RSAPublicKey) and found.key.key_size < RSA_BITS_MIN
    return None if is_weak or found.algorithm_name not in ALGORITHMS else found


def _unfit(found: str) -> InvalidValueError:
    return InvalidValueError("jwt_key_set", found, "a JSON Web Key Set of public keys")


class KeySetFile:
    """
    Keys in a file, read again when it changes.

    Raises
    ------
    InvalidValueError
        If it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._file = WatchedFile("jwt_key_set", (path,), read_key_set)

    def keys(self) -> KeySet:
        """Return the keys as they are known now."""
        return self._file.value()

    async def renewed(self) -> KeySet:
        """Return the same: the file is looked at often enough."""
        return self._file.value()

    def start(self) -> None:
        """Nothing has to run."""

    async def stop(self) -> None:
        """Nothing runs."""


class KeySetUrl:
    """
    Keys at a URL, looked at every so often and when a token names another.

    While it cannot be reached the keys stay as they were; before the first look no
    token is taken.

    Parameters
    ----------
    url
        With ``https``, or with ``http`` on this machine.
    refresh_s
        Between two looks.
    fetch
        Gives the document; blocks.
    clock
        Says how long ago the last look was.

    Raises
    ------
    InvalidValueError
        If the URL is neither.
    """

    def __init__(
        self,
        url: str,
        refresh_s: int,
        *,
        fetch: Callable[[str], bytes] | None = None,
        clock: Clock = monotonic_clock,
    ) -> None:
        _check_url(url)
        self._url = url
        self._refresh_s = refresh_s
        self._fetch = fetch or _fetched
        self._clock = clock
        self._keys = KeySet()
        self._looked_us: int | None = None
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def keys(self) -> KeySet:
        """Return the keys as they are known now."""
        return self._keys

    async def renewed(self) -> KeySet:
        """Return the keys after another look, if the last one is long enough ago."""
        async with self._looking:
            now_us = self._clock()
            if self._looked_us is None or now_us - self._looked_us >= _RENEW_US:
                await self._look()
        return self._keys

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._keep(), name="key set")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep(self) -> None:
        while True:
            async with self._looking:
                is_known = await self._look()
            await asyncio.sleep(self._refresh_s if is_known else _RETRY_S)

    async def _look(self) -> bool:
        self._looked_us = self._clock()
        try:
            self._keys = read_key_set(await asyncio.to_thread(self._fetch, self._url))
        except (InvalidValueError, OSError, ValueError) as error:
            log.warning("key_set_not_read", url=self._url, error=str(error))
            return False
        return True


def _check_url(url: str) -> None:
    accepted = "an https URL without user and password, or http on a loopback address"
    parts = urlsplit(url)
    is_plain = parts.username is None and bool(parts.hostname)
    is_safe = parts.scheme == "https" or (
        parts.scheme == "http" and _is_loopback(parts.hostname or "")
    )
    if not (is_plain and is_safe):
        # The user's part may be a password.
        shown = f"{parts.scheme}://{parts.hostname or ''}"
        raise InvalidValueError("jwt_key_set", shown, accepted)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else: another place has not been vouched for."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Refuse."""


def _fetched(url: str) -> bytes:
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if url.startswith("http:"):
        # No proxy stands between two programs of one machine.
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    with opener.open(url, timeout=_FETCH_S) as answer:
        raw: bytes = answer.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise _unfit(f"more than {BYTES_MAX:,} bytes")
    return raw
