"""What the bytes of a fuzzer call: a method, with a request that may be anything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from zlib import crc32

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import explain_service_pb2 as explain
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import network_service_pb2 as network
from nearturn.v1 import policy_service_pb2 as policies
from nearturn.v1 import return_service_pb2 as returns
from tests.contract import messages
from tests.contract.api_target import all_methods
from tests.fuzz.byte_source import ByteSource
from tests.fuzz.message_mutation import mutate

#: Requests that are accepted, for mutations to start from. Of methods that are not
#: here, they start from an empty one.
TEMPLATES: tuple[Message, ...] = (
    demands.UpsertDemandRequest(demand=messages.demand()),
    demands.BatchUpsertDemandsRequest(
        demands=[messages.demand("d1"), messages.demand("d2", 900.0)]
    ),
    returns.SubmitReturnRequest(return_item=messages.return_item()),
    returns.StreamReturnsRequest(return_item=messages.return_item("r2")),
    returns.RecordVerificationRequest(
        return_id="r1", verification=messages.verification()
    ),
    policies.CreatePolicyRequest(policy=messages.policy()),
    policies.ActivatePolicyRequest(version=1),
    network.UpsertWarehouseRequest(warehouse=messages.warehouse()),
    network.UpsertDropOffPointRequest(drop_off_point=messages.drop_off_point()),
    matches.RunRoundRequest(),
    explain.ExplainDecisionRequest(return_id="r1"),
)

_METHODS = all_methods()
_STARTS = {each.DESCRIPTOR: each for each in TEMPLATES}
_METHOD_BYTES = 2
_RAW = 4
_MUTATIONS_MAX = 12


@dataclass(frozen=True, slots=True)
class Request:
    """A method, and the bytes that it is called with."""

    method: MethodDescriptor
    payload: bytes


def request_of(data: bytes) -> Request:
    """
    Return the request that some bytes stand for.

    One in four is passed on as it is; of the others a message is made, and changed in
    as many places as there are bytes for.
    """
    source = ByteSource(data)
    method = _method(source.taken(_METHOD_BYTES))
    if source.below(_RAW) == _RAW - 1:
        return Request(method, source.rest())
    message = GetMessageClass(method.input_type)()
    start = _STARTS.get(method.input_type)
    if start is not None:
        message.CopyFrom(start)
    for _ in range(_MUTATIONS_MAX):
        if not source.has_more:
            break
        mutate(message, source)
    return Request(method, message.SerializeToString())


@cache
def _method(draw: bytes) -> MethodDescriptor:
    # By rendezvous hashing, so that a new method leaves most of what was kept its own.
    return max(_METHODS, key=lambda each: crc32(draw + each.full_name.encode()))
