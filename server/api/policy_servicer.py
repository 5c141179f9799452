"""PolicyService: the policy versions, and the program that they steer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

from google.protobuf.message import Message

from matcher.domain.errors import NotFoundError
from matcher.domain.policy import Policy, StepLimits
from matcher.domain.policy_change import Dimension
from matcher.domain.program import Program
from matcher.engine.answers import Answer
from matcher.engine.commands import (
    ActivatePolicy,
    CreatePolicy,
    PauseProgram,
    ResumeProgram,
    RollbackPolicy,
)
from matcher.engine.records import PolicyRecord
from matcher.explain.message_catalogue import MessageCatalogue
from matcher.explain.rendering import TableRow, render
from matcher.policy.comparison import compare, dimensions, to_acknowledge, warnings
from matcher.policy.readiness import shortfalls
from nearturn.v1 import decision_pb2, policy_pb2, simulation_pb2
from nearturn.v1 import policy_service_pb2 as pb
from server.api.context import ApiContext, within
from server.api.convert.policy import from_change, from_policy, to_policy
from server.api.convert.program import from_event, from_program, to_sign_off
from server.api.paging import (
    BULKY_PAGE_SIZE_MAX,
    after_key,
    page_of,
    page_size,
    page_token,
)
from server.api.simulation import Simulation
from server.storage.store import Store

_WAITS = simulation_pb2.SimulatePolicyResponse(
    progress=simulation_pb2.SimulationProgress(stage="waiting")
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

        meant = tuple(Dimension(each) for each in request.acknowledged_dimensions)
        signed = tuple(to_sign_off(each) for each in request.sign_offs)
        command = ActivatePolicy(request.version, meant, signed, request.etag)
        return await self._context.execute(request, command, respond)

    async def CheckReadiness(
        self, request: pb.CheckReadinessRequest
    ) -> pb.CheckReadinessResponse:
        """List what a version needs before it may come into force."""
        read = self._context.runtime.read
        return await read(lambda store: self._readiness(store, request.version))

    async def RollbackPolicy(self, request: pb.RollbackPolicyRequest) -> bytes:
        """Put the version before in force again."""

        def respond(answer: Answer) -> Message:
            record = cast(PolicyRecord, answer)
            return pb.RollbackPolicyResponse(policy=from_policy(record))

        command = RollbackPolicy(request.note, request.etag)
        return await self._context.execute(request, command, respond)

    async def DiffPolicies(
        self, request: pb.DiffPoliciesRequest
    ) -> pb.DiffPoliciesResponse:
        """Tell how two policies differ."""
        read = self._context.runtime.read
        return await read(lambda store: self._diff(store, request))

    async def RenderPolicy(
        self, request: pb.RenderPolicyRequest
    ) -> pb.RenderPolicyResponse:
        """Say a policy in plain language and as a table."""
        now_us = self._context.runtime.now_us()

        def rendered(store: Store) -> pb.RenderPolicyResponse:
            found = render(self._target(store, request), now_us)
            rows = [_from_row(row) for row in found.rows]
            return pb.RenderPolicyResponse(text=found.text, rows=rows)

        return await self._context.runtime.read(rendered)

    async def SimulatePolicy(
        self, request: simulation_pb2.SimulatePolicyRequest
    ) -> AsyncIterator[simulation_pb2.SimulatePolicyResponse]:
        """Tell what policies would have done."""
        runtime = self._context.runtime
        simulation = Simulation(
            self._context.tenant,
            request,
            now_us=runtime.now_us(),
            threads=runtime.threads,
        )
        yield _WAITS
        async for event in runtime.stream(simulation.run):
            yield event

    async def PauseProgram(self, request: pb.PauseProgramRequest) -> bytes:
        """Hold a category, or everything, back."""

        def respond(answer: Answer) -> Message:
            program = cast(Program, answer)
            return pb.PauseProgramResponse(program=from_program(program))

        command = PauseProgram(request.category, request.note, request.etag)
        return await self._context.execute(request, command, respond)

    async def ResumeProgram(self, request: pb.ResumeProgramRequest) -> bytes:
        """End a pause."""

        def respond(answer: Answer) -> Message:
            program = cast(Program, answer)
            return pb.ResumeProgramResponse(program=from_program(program))

        command = ResumeProgram(request.category, request.note, request.etag)
        return await self._context.execute(request, command, respond)

    async def GetProgram(self, _: pb.GetProgramRequest) -> pb.GetProgramResponse:
        """Read what the program stands at."""
        tenant = self._context.tenant

        def found(store: Store) -> Program:
            active = store.policy(tenant, 0)
            versions = (active.policy.version,) if active else ()
            return store.program(tenant) or Program(in_force=versions)

        program = await self._context.runtime.read(found)
        return pb.GetProgramResponse(program=from_program(program))

    async def ListProgramEvents(
        self, request: pb.ListProgramEventsRequest
    ) -> pb.ListProgramEventsResponse:
        """List what was done to the program, oldest first."""
        tenant = self._context.tenant
        after = int(after_key("ListProgramEvents", request.page_token) or "0")
        size = page_size(request.page_size)
        events = await self._context.runtime.read(
            lambda store: store.list_program_events(
                tenant, after_number=after, limit=size + 1
            )
        )
        page, token = page_of(
            events,
            size,
            from_event,
            lambda event: page_token("ListProgramEvents", str(event.number)),
        )
        return pb.ListProgramEventsResponse(events=page, next_page_token=token)

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

    def _readiness(self, store: Store, version: int) -> pb.CheckReadinessResponse:
        tenant = self._context.tenant
        record, active = store.policy(tenant, version), store.policy(tenant, 0)
        if record is None:
            raise NotFoundError("policy", str(version))
        before = active.policy if active else None
        limits = before.step_limits if before else StepLimits()
        locales = MessageCatalogue.of(record.policy).locales
        return pb.CheckReadinessResponse(
            items=[
                *(
                    pb.ReadinessItem(
                        kind=each.kind,
                        subject=each.subject,
                        description=each.description,
                    )
                    for each in shortfalls(
                        compare(before, record.policy), limits, (), ()
                    )
                ),
                *(
                    pb.ReadinessItem(
                        kind="MESSAGES",
                        subject=locale,
                        is_met=True,
                        description="customer text and scripts for every reason",
                    )
                    for locale in locales
                ),
            ]
        )

    def _diff(
        self, store: Store, request: pb.DiffPoliciesRequest
    ) -> pb.DiffPoliciesResponse:
        tenant, version = self._context.tenant, request.base_version
        base = store.policy(tenant, version)
        if base is None and version:
            raise NotFoundError("policy", str(version))
        before = base.policy if base else None
        changes = compare(before, self._target(store, request))
        counted = dimensions(changes)
        limits = before.step_limits if before else StepLimits()
        return pb.DiffPoliciesResponse(
            changes=[from_change(change) for change in changes],
            dimensions=[policy_pb2.PolicyDimension.ValueType(d) for d in counted],
            to_acknowledge=[
                policy_pb2.PolicyDimension.ValueType(d)
                for d in to_acknowledge(changes, limits)
            ],
            warnings=warnings(counted),
            base_version=before.version if before else 0,
        )

    def _target(
        self, store: Store, request: pb.DiffPoliciesRequest | pb.RenderPolicyRequest
    ) -> Policy:
        if request.WhichOneof("target") == "policy":
            return within("policy", to_policy, request.policy)
        record = store.policy(self._context.tenant, request.version)
        if record is None:
            raise NotFoundError("policy", str(request.version or "active"))
        return record.policy


def _from_row(row: TableRow) -> pb.DecisionTableRow:
    return pb.DecisionTableRow(
        gate=decision_pb2.Gate.ValueType(row.gate),
        check=row.check,
        category=row.category,
        accepted=row.accepted,
        reasons=[decision_pb2.ReasonCode.ValueType(code) for code in row.codes],
    )
