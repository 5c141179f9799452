"""Hashes of payloads, by which a repetition is told from a different request."""

from __future__ import annotations

import hashlib

from google.protobuf.message import Message


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
