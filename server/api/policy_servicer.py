"""PolicyService: the policy versions."""

from __future__ import annotations

import asyncio
from typing import cast

from google.protobuf.message import Message

from matcher.domain.errors import NotFoundError
from matcher.engine.answers import Answer
from matcher.engine.commands import ActivatePolicy, CreatePolicy
from matcher.engine.records import PolicyRecord
from nearturn.v1 import policy_service_pb2 as pb
from server.api.context import ApiContext, within
from server.api.convert.policy import from_policy, to_policy
from server.api.paging import (
    BULKY_PAGE_SIZE_MAX,
    after_key,
    page_of,
    page_size,
    page_token,
)


class PolicyServicer:
    """Implements every method of the service under its own name."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def CreatePolicy(self, request: pb.CreatePolicyRequest) -> bytes:
        """Store a version, or only check it."""
        # Ten thousand categories would hold up the event loop.
        policy = await asyncio.to_thread(within, "policy", to_policy, request.policy)

        def respond(answer: Answer) -> Message:
            record = cast(PolicyRecord, answer)
            return pb.CreatePolicyResponse(policy=from_policy(record))

        command = CreatePolicy(policy, validate_only=request.validate_only)
        return await self._context.execute(request, command, respond)

    async def ActivatePolicy(self, request: pb.ActivatePolicyRequest) -> bytes:
        """Put a version in force."""

        def respond(answer: Answer) -> Message:
            record = cast(PolicyRecord, answer)
            return pb.ActivatePolicyResponse(policy=from_policy(record))

        return await self._context.execute(
            request, ActivatePolicy(request.version), respond
        )

    async def GetPolicy(self, request: pb.GetPolicyRequest) -> pb.GetPolicyResponse:
        """Read a version."""
        tenant, version = self._context.tenant, request.version
        record = await self._context.runtime.read(
            lambda store: store.policy(tenant, version)
        )
        if record is None:
            raise NotFoundError("policy", str(version) if version else "active")
        return pb.GetPolicyResponse(policy=from_policy(record))

    async def ListPolicies(
        self, request: pb.ListPoliciesRequest
    ) -> pb.ListPoliciesResponse:
        """List versions, oldest first."""
        tenant = self._context.tenant
        after = int(after_key("ListPolicies", request.page_token) or "0")
        size = page_size(request.page_size, BULKY_PAGE_SIZE_MAX)
        records = await self._context.runtime.read(
            lambda store: store.list_policies(
                tenant, after_version=after, limit=size + 1
            )
        )
        page, token = page_of(
            records,
            size,
            from_policy,
            lambda record: page_token("ListPolicies", str(record.policy.version)),
        )
        return pb.ListPoliciesResponse(policies=page, next_page_token=token)
