"""MatchService: plans, rounds, and the promises that they make."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from typing import cast

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from matcher.domain.errors import InvalidValueError, NotFoundError
from matcher.domain.ids import (
    DemandId,
    LabelId,
    MatchId,
    ReturnId,
    RoundId,
    TenantId,
)
from matcher.domain.match import Match
from matcher.domain.match_label import LabelState
from matcher.domain.policy import Policy
from matcher.engine.answers import (
    Answer,
    BulkReleaseAnswer,
    ReleaseAnswer,
    ReturnAnswer,
)
from matcher.engine.commands import (
    RELEASE_COUNT_MAX,
    ConfirmMatch,
    ExtendMatch,
    RecordLabel,
    RecordOutcome,
    ReleaseMatch,
    ReleaseMatches,
)
from matcher.engine.plan import Plan
from matcher.engine.snapshot import Snapshot
from nearturn.v1 import decision_pb2
from nearturn.v1 import match_service_pb2 as pb
from server.api.bulk.columnar_plan import ColumnarPlans
from server.api.context import ApiContext, all_within, within
from server.api.convert.decision import (
    from_decision,
    from_match,
    from_prices,
    from_round,
)
from server.api.convert.demand import to_demand
from server.api.convert.network import to_service_area, to_warehouse
from server.api.convert.outcome import to_item_outcome
from server.api.convert.policy import to_policy
from server.api.convert.return_item import from_return_record, to_return_item
from server.api.convert.times import optional_us
from server.api.idempotency import payload_hash
from server.api.paging import after_key, page_token
from server.api.round_verification import replayed_round, verified_round
from server.runtime.call import RoundCall
from server.storage.store import LoggedDecision, Store

#: Decisions read at once for a watcher.
WATCH_BATCH = 500

_WATCHING = "WatchDecisions"


class MatchServicer:
    """Implements every method of the service under its own name."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._columnar_plans = ColumnarPlans(context.runtime)

    async def Plan(self, request: pb.PlanRequest) -> bytes:
        """Plan once over what the request carries."""
        runtime = self._context.runtime
        stated_us = optional_us(request, "evaluation_time")
        snapshot, policy = await asyncio.to_thread(_problem, request)
        plan = await runtime.plan(
            snapshot, policy, runtime.now_us() if stated_us is None else stated_us
        )
        return await asyncio.to_thread(_plan_response, request, plan)

    async def PlanColumnar(
        self, requests: AsyncIterator[bytes]
    ) -> AsyncIterator[pb.PlanColumnarResponse]:
        """Plan once over columns that come in chunks."""
        async for part in self._columnar_plans.plan(requests):
            yield part

    async def RunRound(self, request: pb.RunRoundRequest) -> bytes:
        """Close a round over the pool."""
        return await self._context.runtime.run_round(
            RoundCall(
                self._context.tenant,
                lambda record: pb.RunRoundResponse(
                    round=from_round(record)
                ).SerializeToString(),
                request.request_id,
                payload_hash("RunRound", request),
            )
        )

    async def ConfirmMatch(self, request: pb.ConfirmMatchRequest) -> bytes:
        """Confirm a match."""

        def respond(answer: Answer) -> Message:
            return pb.ConfirmMatchResponse(match=from_match(cast(Match, answer)))

        command = ConfirmMatch(MatchId(request.match_id), request.etag)
        return await self._context.execute(request, command, respond)

    async def ExtendMatch(self, request: pb.ExtendMatchRequest) -> bytes:
        """Let the hold of a match run on."""

        def respond(answer: Answer) -> Message:
            return pb.ExtendMatchResponse(match=from_match(cast(Match, answer)))

        span_us = optional_us(request, "extension")
        command = ExtendMatch(MatchId(request.match_id), span_us, request.etag)
        return await self._context.execute(request, command, respond)

    async def ReleaseMatch(self, request: pb.ReleaseMatchRequest) -> bytes:
        """Release a match."""

        def respond(answer: Answer) -> Message:
            released = cast(ReleaseAnswer, answer)
            return pb.ReleaseMatchResponse(
                match=from_match(released.match),
                decision=from_decision(released.decision),
            )

        command = ReleaseMatch(MatchId(request.match_id), request.etag)
        return await self._context.execute(request, command, respond)

    async def ReleaseMatches(self, request: pb.ReleaseMatchesRequest) -> bytes:
        """Release the matches of a round, or on a demand."""

        def respond(answer: Answer) -> Message:
            found = cast(BulkReleaseAnswer, answer)
            return pb.ReleaseMatchesResponse(
                released_matches=[
                    pb.ReleasedMatch(
                        match=from_match(each.match),
                        decision=from_decision(each.decision),
                    )
                    for each in found.released
                ],
                remaining_count=found.remaining_count,
            )

        command = ReleaseMatches(
            RoundId(request.round_id),
            DemandId(request.demand_id),
            request.match_count_max or RELEASE_COUNT_MAX,
        )
        return await self._context.execute(request, command, respond)

    async def GetMatch(self, request: pb.GetMatchRequest) -> pb.GetMatchResponse:
        """Read a match as it stands."""
        tenant, match_id = self._context.tenant, MatchId(request.match_id)
        match = await self._context.runtime.read(
            lambda store: store.match(tenant, match_id)
        )
        if match is None:
            raise NotFoundError("match", match_id)
        return pb.GetMatchResponse(match=from_match(match))

    async def RecordLabel(self, request: pb.RecordLabelRequest) -> bytes:
        """Record what became of a label of a match."""

        def respond(answer: Answer) -> Message:
            return pb.RecordLabelResponse(match=from_match(cast(Match, answer)))

        command = RecordLabel(
            MatchId(request.match_id),
            LabelId(request.label_id),
            LabelState(request.state),
            request.etag,
        )
        return await self._context.execute(request, command, respond)

    async def RecordOutcome(self, request: pb.RecordOutcomeRequest) -> bytes:
        """Record what became of a return item."""

        def respond(answer: Answer) -> Message:
            noted = cast(ReturnAnswer, answer)
            return pb.RecordOutcomeResponse(
                return_item=from_return_record(noted.record)
            )

        command = RecordOutcome(
            within("outcome", to_item_outcome, request.outcome),
            ReturnId(request.return_id),
            MatchId(request.match_id),
            request.etag,
        )
        return await self._context.execute(request, command, respond)

    async def WatchDecisions(
        self, request: pb.WatchDecisionsRequest
    ) -> AsyncIterator[pb.WatchDecisionsResponse]:
        """Stream decisions in the order of their commits."""
        runtime, tenant = self._context.runtime, self._context.tenant
        sequence = int(after_key(_WATCHING, request.cursor, "cursor") or "0")
        end = await runtime.read(lambda store: store.log_end(tenant))
        if sequence > end:
            # Waiting would skip what is decided until the log is there again.
            raise InvalidValueError(
                "cursor",
                request.cursor,
                f"one of this log, which ends with decision {end} and may be older: "
                "a backup may have been restored",
            )
        while True:
            logged = await runtime.read(partial(_logged, tenant, sequence))
            for each in logged:
                sequence = each.sequence
                yield pb.WatchDecisionsResponse(
                    decision=from_decision(each.decision),
                    cursor=page_token(_WATCHING, str(sequence)),
                )
            if not logged:
                if request.stop_at_end:
                    return
                await runtime.wait_for_decisions(tenant, sequence)

    async def VerifyRound(
        self, request: pb.VerifyRoundRequest
    ) -> pb.VerifyRoundResponse:
        """Check the proof of a round, and live it again if that is asked for."""
        runtime, tenant = self._context.runtime, self._context.tenant
        round_id = RoundId(request.round_id)
        response = await runtime.read(partial(_verified, tenant, round_id))
        if request.replay:
            response.replay.CopyFrom(
                await runtime.look_back(partial(replayed_round, tenant, round_id))
            )
        return response


def _verified(
    tenant: TenantId, round_id: RoundId, store: Store
) -> pb.VerifyRoundResponse:
    stored = store.round(tenant, round_id)
    if stored is None:
        raise NotFoundError("round", round_id)
    return verified_round(stored)


def _logged(tenant: TenantId, after: int, store: Store) -> list[LoggedDecision]:
    return store.decisions_after(tenant, after, WATCH_BATCH)


def _problem(request: pb.PlanRequest) -> tuple[Snapshot, Policy]:
    snapshot = Snapshot(
        all_within("return_items", to_return_item, request.return_items),
        all_within("demands", to_demand, request.demands),
        all_within("warehouses", to_warehouse, request.warehouses),
        all_within("service_areas", to_service_area, request.service_areas),
    )
    return snapshot, within("policy", to_policy, request.policy)


def _plan_response(request: pb.PlanRequest, plan: Plan) -> bytes:
    response = pb.PlanResponse(
        decisions=[from_decision(decision) for decision in plan.decisions],
        summary=from_round(plan.summary),
        acting_summary=from_round(plan.acting) if plan.acting else None,
        return_prices=_prices(
            (item.return_id for item in request.return_items),
            plan.return_ids,
            plan.assignment.return_price,
        ),
        demand_prices=_prices(
            (demand.demand_id for demand in request.demands),
            plan.demand_ids,
            plan.assignment.demand_price,
        ),
        limit_prices=from_prices(
            [key.text for key in plan.solved.groups.keys] if plan.solved.groups else [],
            plan.assignment.limit_price,
        ),
    )
    return response.SerializeToString()


def _prices(
    ids: Iterable[str], priced: Sequence[str], prices: NDArray[np.int64]
) -> list[decision_pb2.DualPrice]:
    # In the order of the request; an id without a price was no row or column.
    price_of = dict(zip(priced, prices.tolist(), strict=True))
    asked = [each for each in ids if each in price_of]
    return from_prices(asked, np.array([price_of[each] for each in asked], np.int64))
