"""ExplainService: why a return took the way it took."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from matcher.domain.decision import Decision
from matcher.domain.drop_off_point import DROP_OFF_COUNT_MAX
from matcher.domain.errors import NotFoundError
from matcher.domain.ids import DecisionId, ReturnId
from matcher.domain.policy import Policy
from matcher.domain.reason import Reason
from matcher.engine.records import ReturnRecord
from matcher.engine.shadow_records import ShadowRecord
from matcher.explain import GateFinding, explain
from matcher.explain.citation import Citation, citation_sentence, cite
from matcher.explain.decision_texts import (
    DecisionTexts,
    change_texts,
    decision_texts,
)
from matcher.explain.detail import Detail
from matcher.explain.difference import difference_texts, first_difference
from matcher.explain.drop_off import NearPoint, leaves_customer, nearest_points
from matcher.explain.message_catalogue import MessageCatalogue
from matcher.explain.variants import Email, email
from matcher.solve import Stop
from nearturn.v1 import decision_pb2, explanation_pb2
from nearturn.v1 import explain_service_pb2 as pb
from server.api.context import ApiContext
from server.api.convert.decision import from_check, from_decision, from_reason
from server.api.convert.drop_off_point import from_near_point
from server.api.convert.explanation import from_detail
from server.api.convert.justification import from_citation
from server.api.convert.shadow import from_shadow
from server.api.return_servicer import latest
from server.runtime.past import Past
from server.runtime.past_detail import full_detail
from server.storage.store import Store


@dataclass(frozen=True, slots=True)
class _Told:
    decision: Decision
    earlier: list[Decision]
    texts: DecisionTexts
    citation: Citation | None
    drop_off: tuple[NearPoint, ...]
    email: Email
    shadow: ShadowRecord | None


class ExplainServicer:
    """Implements every method of the service under its own name."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def ExplainDecision(
        self, request: pb.ExplainDecisionRequest
    ) -> pb.ExplainDecisionResponse:
        """Explain the latest decision of a return item, or any by its id."""
        told = await self._context.runtime.read(
            lambda store: self._told(store, request)
        )
        decision, texts, citation = told.decision, told.texts, told.citation
        explanation = explain(decision)
        cited = f" {citation_sentence(citation)}" if citation else ""
        response = pb.ExplainDecisionResponse(
            decision=from_decision(decision),
            gates=[_from_finding(finding) for finding in explanation.gates],
            summary=explanation.summary + cited,
            history=[_brief(each) for each in told.earlier],
            customer_text=texts.customer,
            support=pb.SupportScript(
                short_script=texts.support.short,
                long_script=texts.support.long,
                say=texts.support.say,
                avoid=texts.support.avoid,
            ),
            locale=texts.locale,
            shadow_result=from_shadow(told.shadow) if told.shadow else None,
            drop_off_points=[from_near_point(each) for each in told.drop_off],
            rule_citation=from_citation(citation),
            customer_email=pb.CustomerEmail(
                subject=told.email.subject, body=told.email.body
            ),
        )
        if request.view == explanation_pb2.EXPLANATION_VIEW_FULL:
            look_back = self._context.runtime.look_back
            asked = partial(self._in_full, decision, told.earlier, texts.locale)
            detail, ways = await look_back(asked)
            response.MergeFrom(from_detail(decision, detail))
            response.support.long_script = " ".join(
                each for each in (texts.support.long, ways) if each
            )
        return response

    async def CompareDecisions(
        self, request: pb.CompareDecisionsRequest
    ) -> pb.CompareDecisionsResponse:
        """Tell in what two decisions first differ."""
        read = self._context.runtime.read
        return await read(lambda store: self._compared(store, request))

    def _compared(
        self, store: Store, request: pb.CompareDecisionsRequest
    ) -> pb.CompareDecisionsResponse:
        one, other = (self._named(store, each) for each in (request.one, request.other))
        found = first_difference(one, other)
        later = max(one.policy_version, other.policy_version)
        catalogue = self._catalogue(store, later)
        texts = difference_texts(found, catalogue, request.locale)
        return pb.CompareDecisionsResponse(
            kind=pb.DifferenceKind.ValueType(found.kind),
            gate=decision_pb2.Gate.ValueType(found.gate),
            one_check=from_check(found.one) if found.one else None,
            other_check=from_check(found.other) if found.other else None,
            one_reason=from_reason(found.reason) if found.reason else None,
            other_reason=from_reason(found.other_reason)
            if found.other_reason
            else None,
            one_policy_version=one.policy_version,
            other_policy_version=other.policy_version,
            customer_text=texts.customer,
            support_text=texts.support,
            summary=texts.operator,
            locale=catalogue.locale(request.locale),
        )

    def _policy(self, store: Store, version: int) -> Policy | None:
        # Version 0 was no policy at all.
        record = store.policy(self._context.tenant, version) if version else None
        return record.policy if record else None

    def _catalogue(self, store: Store, version: int) -> MessageCatalogue:
        return MessageCatalogue.of(self._policy(store, version))

    def _told(self, store: Store, request: pb.ExplainDecisionRequest) -> _Told:
        decision, earlier = self._found(store, request)
        # In the words of the version that decided.
        policy = self._policy(store, decision.policy_version)
        record = store.return_item(self._context.tenant, decision.return_id)
        assert record is not None, f"return {decision.return_id!r} is lost"
        drop_off = self._drop_off(store, decision, record)
        catalogue = MessageCatalogue.of(policy)
        texts = decision_texts(decision, catalogue, request.locale, drop_off)
        return _Told(
            decision,
            earlier,
            texts,
            cite(decision, policy, record.item.category),
            drop_off,
            email(texts.customer, catalogue, texts.locale),
            self._shadow(store, decision),
        )

    def _drop_off(
        self, store: Store, decision: Decision, record: ReturnRecord
    ) -> tuple[NearPoint, ...]:
        # Once its place is erased, nobody knows what is near.
        if record.erased_us is not None or not leaves_customer(decision):
            return ()
        points = store.list_drop_off_points(
            self._context.tenant, after_id="", limit=DROP_OFF_COUNT_MAX
        )
        return nearest_points(record.item.location, points)

    def _shadow(self, store: Store, decision: Decision) -> ShadowRecord | None:
        # Only the decision that kept the item out has one.
        found = store.shadow(self._context.tenant, decision.return_id)
        return found if found and found.decision_id == decision.decision_id else None

    def _in_full(
        self,
        decision: Decision,
        earlier: list[Decision],
        locale: str,
        past: Past,
        stop: Stop,
    ) -> tuple[Detail, str]:
        detail = full_detail(self._context.tenant, decision, earlier, past, stop)
        catalogue = self._catalogue(past.store, decision.policy_version)
        return detail, change_texts(detail.changes, catalogue, locale)

    def _found(
        self, store: Store, request: pb.ExplainDecisionRequest
    ) -> tuple[Decision, list[Decision]]:
        decision = self._named(store, request)
        history = store.decisions_of(self._context.tenant, decision.return_id)
        at = [each.decision_id for each in history].index(decision.decision_id)
        return decision, history[:at]

    def _named(
        self, store: Store, request: pb.ExplainDecisionRequest | pb.DecisionSubject
    ) -> Decision:
        tenant = self._context.tenant
        if request.WhichOneof("subject") == "return_id":
            _, decision = latest(store, tenant, ReturnId(request.return_id))
            return decision
        found = store.decision(tenant, DecisionId(request.decision_id))
        if found is None:
            raise NotFoundError("decision", request.decision_id)
        return found


def _from_finding(finding: GateFinding) -> pb.GateReport:
    return pb.GateReport(
        gate=decision_pb2.Gate.ValueType(finding.gate),
        passed=finding.passed,
        checks=[from_check(check) for check in finding.checks],
        reasons=[from_reason(reason) for reason in finding.reasons],
    )


def _told_as(reason: Reason | None) -> decision_pb2.Reason | None:
    return from_reason(reason) if reason else None


def _brief(decision: Decision) -> decision_pb2.Decision:
    message = from_decision(decision)
    message.ClearField("checks")
    return message
