"""Hashes of payloads, by which a repetition is told from a different request."""

from __future__ import annotations

import hashlib

from google.protobuf.message import Message

from matcher.domain.return_item import ReturnItem
from server.api.convert.return_item import from_return_item


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
    copy = type(message)()
    copy.CopyFrom(message)
    for name in ("request_id",):
        if name in copy.DESCRIPTOR.fields_by_name:
            copy.ClearField(name)
    body = copy.SerializeToString(deterministic=True)
    digest = hashlib.blake2b(digest_size=16, person=b"payload")
    digest.update(method.encode() + b"\0" + body)
    return digest.hexdigest()


def item_hash(item: ReturnItem) -> str:
    """
    Return a hash of what was understood of a return item.

    So that an item read and sent back is the same one, with its output-only fields and
    the defaults that are filled in.
    """
    return payload_hash("", from_return_item(item))
