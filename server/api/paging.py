"""Pages of lists: sizes, and tokens that are bound to what they continue."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from google.protobuf.message import Message

from matcher.domain.errors import InvalidValueError
from server.access.caller import current_tenant

PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_MAX = 1_000

#: Rows of policies and service areas in one page: each may have a megabyte.
BULKY_PAGE_SIZE_MAX = 32

#: Bytes of a page, under the 4 MiB that gRPC clients take by default. A page has at
#: least one entry all the same.
PAGE_BYTES_MAX = 3 * 1024 * 1024

_ACCEPTED = (
    "empty, or as an answer of the same method with the same filter gave it to the "
    "same tenant"
)

R = TypeVar("R")
M = TypeVar("M", bound=Message)


def page_size(requested: int, most: int = PAGE_SIZE_MAX) -> int:
    """Return the size to use: 0 is 100, and more than ``most`` is ``most``."""
    return min(requested or PAGE_SIZE_DEFAULT, most)


def page_of(
    records: Sequence[R],
    size: int,
    convert: Callable[[R], M],
    token: Callable[[R], str],
) -> tuple[list[M], str]:
    """
    Return a page and the token of the next one.

    Parameters
    ----------
    records
        What was read: one more than ``size`` where the list goes on.
    size
        Entries at most; fewer where more would not fit :data:`PAGE_BYTES_MAX`.
    convert
        Gives the message of a record.
    token
        Gives the token that continues after a record.

    Returns
    -------
    tuple
        The messages, and "" at the end of the list.
    """
    page: list[M] = []
    room = PAGE_BYTES_MAX
    for record in records[:size]:
        message = convert(record)
        room -= message.ByteSize()
        if page and room < 0:
            break
        page.append(message)
    goes_on = len(page) < len(records)
    return page, token(records[len(page) - 1]) if goes_on else ""


def page_token(listing: str, last_key: str) -> str:
    """Return the token that continues ``listing`` after ``last_key``."""
    body = last_key.encode()
    return base64.urlsafe_b64encode(_digest(listing, body) + body).decode()


def after_key(listing: str, token: str, field: str = "page_token") -> str:
    """
    Return the key that a token continues after; "" for no token.

    Parameters
    ----------
    listing
        Method and filter.
    token
        As it came.
    field
        Field that it came in, for the error.

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
    raise InvalidValueError(field, token, _ACCEPTED)


def _digest(listing: str, body: bytes) -> bytes:
    # Another tenant's token is none: its places are places in another list.
    tenant = hashlib.blake2b(current_tenant().encode(), digest_size=16).digest()
    return hashlib.blake2b(
        listing.encode() + b"\0" + body, digest_size=8, person=b"page", key=tenant
    ).digest()
