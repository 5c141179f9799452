"""Faults of a policy that only the whole document shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from google.protobuf.message import Message

from matcher.domain.errors import FieldViolation, InvalidPolicyError
from nearturn.v1 import policy_pb2
from server.api.convert.policy import to_policy


def document_violations(
    message: Message, found: Iterable[FieldViolation]
) -> Iterator[FieldViolation]:
    """
    Yield what the schema's rules cannot see, beside the violations that they found.

    So that whoever writes a policy gets all faults at once, not the next kind only
    after the first is mended.

    Parameters
    ----------
    message
        A policy, or a request that carries one in its field ``policy``.
    found
        What breaks a rule of the schema; those fields are left out.
    """
    prefix, policy = "", message
    if "policy" in message.DESCRIPTOR.fields_by_name and message.HasField("policy"):
        prefix, policy = "policy.", message.policy  # type: ignore[attr-defined]
    if not isinstance(policy, policy_pb2.Policy):
        return
    named = {each.field for each in found}
    try:
        to_policy(policy)
    except InvalidPolicyError as error:
        for each in (
            error.under(prefix.rstrip(".")).violations if prefix else (error.violations)
        ):
            if each.field not in named:
                yield each
    except ValueError:
        # An enum value that nobody knows; it is among those that were found.
        return
