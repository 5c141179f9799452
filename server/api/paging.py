"""Pages of lists: sizes, and tokens that are bound to what they continue."""

from __future__ import annotations

import base64
import binascii
import hashlib

from matcher.domain.errors import InvalidValueError

PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_MAX = 1_000

_ACCEPTED = "the next_page_token of a page of the same list with the same filter"


def page_size(requested: int) -> int:
    """Return the size to use: 0 is 100, and more than 1,000 is 1,000."""
    return min(requested or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)


def page_token(listing: str, last_key: str) -> str:
    """Return the token that continues ``listing`` after ``last_key``."""
    body = last_key.encode()
    return base64.urlsafe_b64encode(_digest(listing, body) + body).decode()


def after_key(listing: str, token: str) -> str:
    """
    Return the key that a token continues after; "" for no token.

    Parameters
    ----------
    listing
        Method and filter.
    token
        As it came.

    Raises
    ------
    InvalidValueError
        If the token was not made for this listing.
    """
    if not token:
        return ""
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        body = raw[8:]
        if raw[:8] == _digest(listing, body):
            return body.decode()
    except (binascii.Error, UnicodeError, ValueError):
        pass
    raise InvalidValueError("page_token", token, _ACCEPTED)


def _digest(listing: str, body: bytes) -> bytes:
    return hashlib.blake2b(
        listing.encode() + b"\0" + body, digest_size=8, person=b"page"
    ).digest()
