"""ExplainService: gates, evidence, reasons and history of a decision."""

from __future__ import annotations

import grpc
import pytest

from nearturn.v1 import decision_pb2, item_pb2, policy_pb2, policy_service_pb2
from nearturn.v1 import explain_service_pb2 as pb
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import network_service_pb2 as network
from tests.contract.api_target import Api, ApiError
from tests.contract.messages import (
    activate,
    demand,
    policy,
    return_item,
    submit,
    upsert,
    warehouse,
)


async def test_a_decision_is_told_to_three_readers(api: Api):
    """Customer and support in the language asked for, operators with numbers (R50)."""
    await activate(api)
    await submit(api, return_item("r1", condition=item_pb2.CONDITION_POOR))
    told = {
        locale: await api(pb.ExplainDecisionRequest(return_id="r1", locale=locale))
        for locale in ("", "de-AT")
    }
    english, german = told[""], told["de-AT"]
    assert (english.locale, german.locale) == ("en", "de")
    assert "does not change" in english.customer_text
    assert "ändert sich nicht" in german.customer_text
    assert english.support.short_script.startswith("The condition is below")
    assert german.support.long_script
    assert german.support.say
    assert german.support.avoid
    assert english.summary == german.summary


async def test_a_language_without_messages_is_refused(api: Api):
    """By field, with what there is."""
    await activate(api)
    await submit(api, return_item("r1"))
    for locale in ("fr", "e", "en\nde"):
        with pytest.raises(ApiError) as refused:
            await api(pb.ExplainDecisionRequest(return_id="r1", locale=locale))
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
        assert list(refused.value.violations) == ["locale"]


async def test_a_decision_is_told_in_the_words_of_its_version(api: Api):
    """A later version changes the copy; what was decided before keeps its own (R53)."""
    own = "outcome-warehouse = Back to the depot."
    document = policy(messages=[policy_pb2.LocaleMessages(locale="en", text=own)])
    await activate(api)
    await submit(api, return_item("r1", condition=item_pb2.CONDITION_POOR))
    await activate(api, document)
    await submit(api, return_item("r2", condition=item_pb2.CONDITION_POOR))
    first, second = [
        (await api(pb.ExplainDecisionRequest(return_id=each))).customer_text
        for each in ("r1", "r2")
    ]
    assert first.startswith("Your return takes the standard way.")
    assert second.startswith("Back to the depot.")


async def test_copy_that_breaks_the_lint_is_refused(api: Api):
    """With line and column, beside every other fault of the document (R45)."""
    hype = "part-refund = A game-changing refund."
    document = policy(
        currency_code="euro",
        messages=[policy_pb2.LocaleMessages(locale="en", text=hype)],
    )
    with pytest.raises(ApiError) as refused:
        await api(policy_service_pb2.CreatePolicyRequest(policy=document))
    assert set(refused.value.violations) == {
        "policy.currency_code",
        "policy.messages[0].text:1:17",
    }


async def test_a_match_is_explained_with_its_history(api: Api):
    """Gates 1 to 3 passed; the waiting decision stands before it, without checks."""
    await activate(api)
    await upsert(api, demand("d1", 1_000))
    await submit(api, return_item("r1"))
    await api(matches.RunRoundRequest())
    answer = await api(pb.ExplainDecisionRequest(return_id="r1"))
    assert answer.decision.outcome == decision_pb2.OUTCOME_MATCHED
    checked = [gate for gate in answer.gates if gate.checks]
    assert [gate.gate for gate in checked] == [
        decision_pb2.GATE_VERIFICATION,
        decision_pb2.GATE_ELIGIBILITY,
        decision_pb2.GATE_DEMAND,
    ]
    assert all(gate.passed for gate in checked)
    (before,) = answer.history
    assert before.outcome == decision_pb2.OUTCOME_WAITING
    assert not before.checks
    assert "Refund timing and terms are as for every return." in answer.summary
    assert "The ordinary route stays open" in answer.summary


async def test_an_earlier_decision_is_explained_by_its_id(api: Api):
    """The first decision is still there after the second, with nothing before it."""
    await activate(api)
    await upsert(api, demand("d1"))
    (first,) = await submit(api, return_item("r1"))
    await api(matches.RunRoundRequest())
    request = pb.ExplainDecisionRequest(decision_id=first.decision_id)
    answer = await api(request)
    assert answer.decision == first
    assert not answer.history


async def test_a_refusal_tells_every_gate_that_failed(api: Api):
    """Without evidence and consent, both gates report failed, each with reasons."""
    await activate(api)
    item = return_item("r1", verification=None, customer_consents=False)
    await submit(api, item)
    answer = await api(pb.ExplainDecisionRequest(return_id="r1"))
    failed = {gate.gate: gate for gate in answer.gates if not gate.passed}
    assert {decision_pb2.GATE_VERIFICATION, decision_pb2.GATE_ELIGIBILITY} <= set(
        failed
    )
    for gate in failed.values():
        assert gate.reasons
        assert all(reason.gate == gate.gate for reason in gate.reasons)


async def test_texts_hold_nobodys_place_or_id(api: Api):
    """
    No sentence about a match, a loss or a refusal names a buyer or a place (I10).

    Ids and coordinates are drawn so that they cannot stand in a text by chance.
    """
    await activate(api)
    await api(network.UpsertWarehouseRequest(warehouse=warehouse("depot")))
    await upsert(
        api, demand("secret-buyer-7731", 1_234.5), demand("secret-far", 90_000)
    )
    await submit(
        api,
        return_item("secret-return-1", 10, customer_id="secret-customer"),
        return_item("secret-return-2", 20, customer_id="secret-customer"),
        return_item("secret-return-3", 200_000, customer_id="secret-customer"),
    )
    await api(matches.RunRoundRequest())
    outcomes = set()
    for number in (1, 2, 3):
        answer = await api(
            pb.ExplainDecisionRequest(return_id=f"secret-return-{number}")
        )
        outcomes.add(answer.decision.outcome)
        texts = [answer.summary]
        for gate in answer.gates:
            texts.extend(reason.text for reason in gate.reasons)
            texts.extend(check.observed + check.accepted for check in gate.checks)
        together = " ".join(texts)
        assert "secret" not in together
        # 1,234.5 m east is longitude 0.0111022, 20 m is 0.00017986.
        assert "0.0111" not in together
        assert "0.0001" not in together
    assert decision_pb2.OUTCOME_MATCHED in outcomes
    assert len(outcomes) > 1


async def test_the_unknown_is_not_found(api: Api):
    """Neither a return nor a decision of that id: NOT_FOUND."""
    for request in (
        pb.ExplainDecisionRequest(return_id="r9"),
        pb.ExplainDecisionRequest(decision_id="d-000000000009"),
        pb.ExplainDecisionRequest(decision_id="nonsense"),
    ):
        with pytest.raises(ApiError) as refused:
            await api(request)
        assert refused.value.code is grpc.StatusCode.NOT_FOUND


async def test_two_decisions_are_compared(api: Api):
    """By return and by decision; in the language asked for (R40)."""
    await activate(api)
    poor, fine = await submit(
        api,
        return_item("r1", condition=item_pb2.CONDITION_POOR),
        return_item("r2"),
    )
    found = await api(
        pb.CompareDecisionsRequest(
            one=pb.DecisionSubject(return_id="r1"),
            other=pb.DecisionSubject(decision_id=fine.decision_id),
            locale="de",
        )
    )
    assert found.kind == pb.DIFFERENCE_KIND_CHECK
    assert found.gate == decision_pb2.GATE_ELIGIBILITY
    assert found.one_check.name == found.other_check.name == "condition_sufficient"
    assert found.one_reason == poor.reasons[0]
    assert not found.HasField("other_reason")
    assert (found.one_policy_version, found.other_policy_version) == (1, 1)
    assert "Das war kein Hindernis." in found.customer_text
    assert found.locale == "de"
    same = pb.DecisionSubject(return_id="r1")
    nothing = await api(pb.CompareDecisionsRequest(one=same, other=same))
    assert nothing.kind == pb.DIFFERENCE_KIND_NONE


async def test_decisions_that_are_not_there_are_not_compared(api: Api):
    """NOT_FOUND for either side; a side left open is named."""
    await activate(api)
    await submit(api, return_item("r1"))
    known = pb.DecisionSubject(return_id="r1")
    for other in (
        pb.DecisionSubject(return_id="r9"),
        pb.DecisionSubject(decision_id="d-9"),
    ):
        with pytest.raises(ApiError) as refused:
            await api(pb.CompareDecisionsRequest(one=known, other=other))
        assert refused.value.code is grpc.StatusCode.NOT_FOUND
    with pytest.raises(ApiError) as refused:
        await api(pb.CompareDecisionsRequest(one=known, other=pb.DecisionSubject()))
    assert list(refused.value.violations) == ["other.subject"]
