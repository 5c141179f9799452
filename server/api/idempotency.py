"""Hashes of payloads, by which a repetition is told from a different request."""

from __future__ import annotations

import hashlib

from google.protobuf.message import Message

from matcher.domain.return_item import ReturnItem
from server.api.convert.return_item import from_return_item

_REQUEST_ID = "request_id"


def payload_hash(method: str, message: Message) -> str:
    """
    Return a hash of what a request says, its own id left aside.

    Parameters
    ----------
    method
        Name of the method; "" for an entity by itself.
    message
        The request, or the entity. Unchanged.
    """
    said = message
    if _REQUEST_ID in message.DESCRIPTOR.fields_by_name:
        said = type(message)()
        said.CopyFrom(message)
        said.ClearField(_REQUEST_ID)
    return _hash(method, said.SerializeToString(deterministic=True))


def item_hash(item: ReturnItem) -> str:
    """
    Return a hash of what was understood of a return item.

    So that an item read and sent back is the same one, with its output-only fields and
    the defaults that are filled in.
    """
    return encoded_item_hash(
        from_return_item(item).SerializeToString(deterministic=True)
    )


def encoded_item_hash(encoded: bytes) -> str:
    """Return the same of an item that is encoded, with the order of its fields."""
    return _hash("", encoded)


def _hash(method: str, body: bytes) -> str:
    digest = hashlib.blake2b(digest_size=16, person=b"payload")
    digest.update(method.encode() + b"\0" + body)
    return digest.hexdigest()
