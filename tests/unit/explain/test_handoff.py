"""How an item leaves is told as it is decided (R36)."""

from __future__ import annotations

import pytest

from matcher.domain.decision import Decision, Handoff
from matcher.domain.return_item import ReturnPath
from matcher.engine.plan import plan
from matcher.engine.snapshot import Snapshot
from matcher.explain.decision_texts import decision_texts
from matcher.explain.message_catalogue import SHIPPED, MessageCatalogue
from tests.scenarios import NOW_US, TENANT, RunningShard, demand, policy, return_item

CHOSEN = {
    ReturnPath.UNSPECIFIED: Handoff.CARRIER_LABEL,
    ReturnPath.CARRIER: Handoff.CARRIER_LABEL,
    ReturnPath.DROP_OFF: Handoff.DROP_OFF,
    ReturnPath.LOCAL_HANDOFF: Handoff.LOCAL_HANDOFF,
}


def _decided(path: ReturnPath, *, is_wanted: bool = True) -> Decision:
    demands = (demand(),) if is_wanted else ()
    snapshot = Snapshot((return_item(preferred_path=path),), demands, ())
    (decision,) = plan(snapshot, policy(), now_us=NOW_US, tenant=TENANT).decisions
    return decision


@pytest.mark.parametrize("path", CHOSEN)
def test_a_match_leaves_as_the_customer_chose(path: ReturnPath) -> None:
    """A parcel unless something else was chosen; all else is decided alike (R43)."""
    assert _decided(path).handoff is CHOSEN[path]
    shard = RunningShard()
    shard.activate(policy())
    shard.upsert(demand())
    shard.submit(return_item(preferred_path=path))
    shard.round()
    assert shard.store.rows.decisions[-1].handoff is CHOSEN[path]


@pytest.mark.parametrize("path", ReturnPath)
def test_a_warehouse_is_the_ordinary_return(path: ReturnPath) -> None:
    """Whatever was chosen, the standard way is the brand's own."""
    assert _decided(path, is_wanted=False).handoff is Handoff.STANDARD


@pytest.mark.parametrize("locale", SHIPPED)
def test_the_customer_is_told_that_no_label_comes(locale: str) -> None:
    """Each way has words of its own in every locale."""
    catalogue = MessageCatalogue.of(None)
    texts = {
        decision_texts(_decided(path), catalogue, locale).customer for path in CHOSEN
    }
    assert len(texts) == 3
    no_label = {"en": "No label is needed", "de": "kein Etikett"}[locale]
    assert sum(no_label in text for text in texts) == 2
