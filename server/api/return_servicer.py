"""ReturnService: the items that come back, until each has its route."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import cast

from google.protobuf.message import Message

from matcher.domain.decision import Decision
from matcher.domain.errors import NotFoundError
from matcher.domain.ids import ID_LENGTH_MAX, ReturnId, TenantId
from matcher.domain.return_item import ReturnState
from matcher.engine.answers import Answer, ReturnAnswer
from matcher.engine.commands import CancelReturn, RecordVerification, SubmitReturns
from matcher.engine.records import ReturnRecord
from nearturn.v1 import return_service_pb2 as pb
from server.api.bulk.return_import import return_import
from server.api.bulk.row_import import RowImport
from server.api.context import ApiContext, all_within, single, within
from server.api.convert.decision import encoded_decision, from_decision
from server.api.convert.return_item import (
    from_return_item,
    from_return_record,
    from_return_state,
    to_return_item,
    to_verification,
)
from server.api.embedding import embedded
from server.api.errors import to_status
from server.api.handler import parsed
from server.api.idempotency import encoded_item_hash, item_hash
from server.api.paging import after_key, page_of, page_size, page_token
from server.api.validation import check
from server.storage.store import Store

_SUBMITTED = pb.SubmitReturnResponse.DESCRIPTOR

#: Requests of one stream that are worked on at once.
IN_FLIGHT_MAX = 64


class ReturnServicer:
    """Implements every method of the service under its own name."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._import = RowImport(context, return_import())

    async def SubmitReturn(self, request: pb.SubmitReturnRequest) -> bytes:
        """Submit a return item."""
        item = within("return_item", to_return_item, request.return_item)
        encoded = from_return_item(item).SerializeToString(deterministic=True)
        command = SubmitReturns((item,), (encoded_item_hash(encoded),))

        def respond(answer: Answer) -> bytes:
            # The most frequent of all answers: put together of what is encoded already.
            (submitted,) = cast(Sequence[ReturnAnswer], answer)
            record = submitted.record
            told = (
                encoded + from_return_state(record).SerializeToString()
                if record.item is item
                else from_return_record(record).SerializeToString()
            )
            return embedded(_SUBMITTED, "return_item", told) + embedded(
                _SUBMITTED, "decision", encoded_decision(submitted.decision)
            )

        with single("return_items[0]", "return_item"):
            return await self._context.execute(request, command, respond)

    async def BatchSubmitReturns(self, request: pb.BatchSubmitReturnsRequest) -> bytes:
        """Submit return items, all or none."""
        command = await asyncio.to_thread(_submission, request)

        def respond(answer: Answer) -> Message:
            submitted = cast(Sequence[ReturnAnswer], answer)
            return pb.BatchSubmitReturnsResponse(
                decisions=[from_decision(each.decision) for each in submitted]
            )

        return await self._context.execute(request, command, respond)

    async def StreamReturns(
        self, requests: AsyncIterator[bytes]
    ) -> AsyncIterator[pb.StreamReturnsResponse]:
        """Submit return items one by one; answers keep the order of the requests."""
        waiting: asyncio.Queue[asyncio.Task[pb.StreamReturnsResponse] | None]
        waiting = asyncio.Queue(IN_FLIGHT_MAX)
        reader = asyncio.create_task(self._read_stream(requests, waiting))
        try:
            while (task := await waiting.get()) is not None:
                yield await task
            await reader
        finally:
            # The client is gone, or all is answered and there is nothing to cancel.
            # What the engine has taken is carried out all the same.
            reader.cancel()
            while not waiting.empty():
                left = waiting.get_nowait()
                if left is not None:
                    left.cancel()

    async def ImportReturns(
        self, requests: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        """Submit return items by the column, chunk by chunk."""
        async for answer in self._import.run(requests):
            yield answer

    async def GetReturnImport(
        self, request: pb.GetReturnImportRequest
    ) -> pb.GetReturnImportResponse:
        """Tell how far an import came."""
        number = await self._import.last_chunk(request.import_id)
        return pb.GetReturnImportResponse(last_chunk_number=number)

    async def RecordVerification(self, request: pb.RecordVerificationRequest) -> bytes:
        """Record the result of an inspection."""
        evidence = within("verification", to_verification, request.verification)

        def respond(answer: Answer) -> Message:
            recorded = cast(ReturnAnswer, answer)
            return pb.RecordVerificationResponse(
                return_item=from_return_record(recorded.record),
                decision=from_decision(recorded.decision),
            )

        command = RecordVerification(
            ReturnId(request.return_id), evidence, request.etag
        )
        return await self._context.execute(request, command, respond)

    async def GetReturn(self, request: pb.GetReturnRequest) -> pb.GetReturnResponse:
        """Read a return item with its latest decision, its match as it stands now."""
        tenant, return_id = self._context.tenant, ReturnId(request.return_id)
        record, decision = await self._context.runtime.read(
            lambda store: _current(store, tenant, return_id)
        )
        return pb.GetReturnResponse(
            return_item=from_return_record(record), decision=from_decision(decision)
        )

    async def ListReturns(
        self, request: pb.ListReturnsRequest
    ) -> pb.ListReturnsResponse:
        """List return items by id."""
        tenant = self._context.tenant
        listing = f"ListReturns {request.state}"
        after = after_key(listing, request.page_token)
        size = page_size(request.page_size)
        state = ReturnState(request.state) if request.state else None
        records = await self._context.runtime.read(
            lambda store: store.list_returns(
                tenant, state=state, after_id=after, limit=size + 1
            )
        )
        page, token = page_of(
            records,
            size,
            from_return_record,
            lambda record: page_token(listing, record.item.return_id),
        )
        return pb.ListReturnsResponse(return_items=page, next_page_token=token)

    async def CancelReturn(self, request: pb.CancelReturnRequest) -> bytes:
        """Cancel a return item."""

        def respond(answer: Answer) -> Message:
            cancelled = cast(ReturnAnswer, answer)
            return pb.CancelReturnResponse(
                return_item=from_return_record(cancelled.record),
                decision=from_decision(cancelled.decision),
            )

        command = CancelReturn(ReturnId(request.return_id), request.etag)
        return await self._context.execute(request, command, respond)

    async def _read_stream(
        self,
        requests: AsyncIterator[bytes],
        waiting: asyncio.Queue[asyncio.Task[pb.StreamReturnsResponse] | None],
    ) -> None:
        # The queue is bounded: a client that sends faster than answers are taken
        # is held up by flow control. A cancelled reader leaves it as it is: nobody
        # takes from it any more, so that waiting for a place would never end.
        try:
            async for raw in requests:
                task = asyncio.create_task(self._answer_one(raw))
                try:
                    await waiting.put(task)
                except asyncio.CancelledError:
                    task.cancel()
                    raise
        except Exception:
            await waiting.put(None)
            raise
        await waiting.put(None)

    async def _answer_one(self, raw: bytes) -> pb.StreamReturnsResponse:
        return_id = ""
        try:
            request = parsed(pb.StreamReturnsRequest, raw)
            return_id = request.return_item.return_id[:ID_LENGTH_MAX]
            check(request)
            answer = await self.SubmitReturn(
                pb.SubmitReturnRequest(
                    return_item=request.return_item, request_id=request.request_id
                )
            )
        except Exception as error:  # noqa: BLE001 - every error gets a status
            return pb.StreamReturnsResponse(return_id=return_id, error=to_status(error))
        submitted = pb.SubmitReturnResponse.FromString(answer)
        return pb.StreamReturnsResponse(
            return_id=return_id, decision=submitted.decision
        )


def latest(
    store: Store, tenant: TenantId, return_id: ReturnId
) -> tuple[ReturnRecord, Decision]:
    """Read a return item with its latest decision, or raise `NotFoundError`."""
    record = store.return_item(tenant, return_id)
    if record is None:
        raise NotFoundError("return", return_id)
    decision = store.decision(tenant, record.decision_id)
    assert decision is not None, f"decision {record.decision_id!r} is lost"
    return record, decision


def _current(
    store: Store, tenant: TenantId, return_id: ReturnId
) -> tuple[ReturnRecord, Decision]:
    # A decision keeps the match as it was made. Whoever reads a return wants to know
    # where the hold is now, and which etag the next move needs.
    record, decision = latest(store, tenant, return_id)
    if decision.match is None:
        return record, decision
    match = store.match(tenant, decision.match.match_id)
    return record, replace(decision, match=match)


def _submission(request: pb.BatchSubmitReturnsRequest) -> SubmitReturns:
    items = all_within("return_items", to_return_item, request.return_items)
    return SubmitReturns(items, tuple(item_hash(item) for item in items))
