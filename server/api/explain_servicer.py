"""ExplainService: why a return took the way it took."""

from __future__ import annotations

from matcher.domain.decision import Decision
from matcher.domain.errors import NotFoundError
from matcher.domain.ids import DecisionId, ReturnId
from matcher.explain import GateFinding, explain
from matcher.explain.decision_texts import DecisionTexts, decision_texts
from matcher.explain.message_catalogue import MessageCatalogue
from nearturn.v1 import decision_pb2
from nearturn.v1 import explain_service_pb2 as pb
from server.api.context import ApiContext
from server.api.convert.decision import from_check, from_decision, from_reason
from server.api.return_servicer import latest
from server.storage.store import Store


class ExplainServicer:
    """Implements every method of the service under its own name."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def ExplainDecision(
        self, request: pb.ExplainDecisionRequest
    ) -> pb.ExplainDecisionResponse:
        """Explain the latest decision of a return item, or any by its id."""
        decision, earlier, texts = await self._context.runtime.read(
            lambda store: self._told(store, request)
        )
        explanation = explain(decision)
        return pb.ExplainDecisionResponse(
            decision=from_decision(decision),
            gates=[_from_finding(finding) for finding in explanation.gates],
            summary=explanation.summary,
            history=[_brief(each) for each in earlier],
            customer_text=texts.customer,
            support=pb.SupportScript(
                short_script=texts.support.short,
                long_script=texts.support.long,
                say=texts.support.say,
                avoid=texts.support.avoid,
            ),
            locale=texts.locale,
        )

    def _told(
        self, store: Store, request: pb.ExplainDecisionRequest
    ) -> tuple[Decision, list[Decision], DecisionTexts]:
        decision, earlier = self._found(store, request)
        # In the words of the version that decided. Version 0 was no policy at all.
        version = decision.policy_version
        record = store.policy(self._context.tenant, version) if version else None
        catalogue = MessageCatalogue.of(record.policy if record else None)
        return decision, earlier, decision_texts(decision, catalogue, request.locale)

    def _found(
        self, store: Store, request: pb.ExplainDecisionRequest
    ) -> tuple[Decision, list[Decision]]:
        tenant = self._context.tenant
        if request.WhichOneof("subject") == "return_id":
            _, decision = latest(store, tenant, ReturnId(request.return_id))
        else:
            found = store.decision(tenant, DecisionId(request.decision_id))
            if found is None:
                raise NotFoundError("decision", request.decision_id)
            decision = found
        history = store.decisions_of(tenant, decision.return_id)
        at = [each.decision_id for each in history].index(decision.decision_id)
        return decision, history[:at]


def _from_finding(finding: GateFinding) -> pb.GateReport:
    return pb.GateReport(
        gate=decision_pb2.Gate.ValueType(finding.gate),
        passed=finding.passed,
        checks=[from_check(check) for check in finding.checks],
        reasons=[from_reason(reason) for reason in finding.reasons],
    )


def _brief(decision: Decision) -> decision_pb2.Decision:
    message = from_decision(decision)
    message.ClearField("checks")
    return message
