"""PrivacyService: what is stored about people, erased."""

from __future__ import annotations

from typing import cast

from google.protobuf.message import Message

from matcher.domain.errors import InvalidValueError, LimitExceededError
from matcher.domain.ids import DemandId, ReturnId
from matcher.engine.answers import Answer, Erasure
from matcher.engine.commands import ErasePersonalData
from nearturn.v1 import privacy_service_pb2 as pb
from server.api.context import ApiContext

#: Return items of one customer that one call erases.
RETURN_COUNT_MAX = 10_000


class PrivacyServicer:
    """Implements every method of the service under its own name."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def ErasePersonalData(self, request: pb.ErasePersonalDataRequest) -> bytes:
        """Erase the personal data of settled items and demands."""
        if not (request.customer_id or request.return_ids or request.demand_ids):
            raise InvalidValueError(
                "customer_id",
                "",
                "a customer id, or return_ids or demand_ids beside it",
            )
        ids = dict.fromkeys(map(ReturnId, request.return_ids))
        if request.customer_id:
            ids.update(dict.fromkeys(await self._returns_of(request.customer_id)))
        if len(ids) > RETURN_COUNT_MAX:
            raise LimitExceededError("returns to erase", len(ids), RETURN_COUNT_MAX)
        command = ErasePersonalData(
            tuple(ids), tuple(map(DemandId, request.demand_ids)), request.note
        )

        def respond(answer: Answer) -> Message:
            done = cast(Erasure, answer)
            return pb.ErasePersonalDataResponse(
                return_count=done.return_count, demand_count=done.demand_count
            )

        return await self._context.execute(request, command, respond)

    async def _returns_of(self, customer_id: str) -> list[ReturnId]:
        tenant = self._context.tenant
        return await self._context.runtime.read(
            lambda store: store.returns_of_customer(
                tenant, customer_id, limit=RETURN_COUNT_MAX + 1
            )
        )
