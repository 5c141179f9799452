"""Shadow prices of a proof, held against planning again with one place more."""

from __future__ import annotations

import random

import pytest

from matcher.domain.match_limit import LimitKey, LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.engine.plan import plan
from matcher.engine.proof import Proof, pack, unpack
from matcher.engine.snapshot import Snapshot
from matcher.explain.shadow_prices import shadow_prices
from tests.scenarios import DAY_US, NOW_US, TENANT, demand, policy, return_item
from tests.scenarios.named import chain


def _town(seed: int) -> Snapshot:
    rng = random.Random(seed)

    def place() -> dict[str, float]:
        return {"east_m": rng.random() * 9_000, "north_m": rng.random() * 9_000}

    skus = ("shirt", "coat")
    return Snapshot(
        tuple(return_item(f"r{n}", sku=rng.choice(skus), **place()) for n in range(40)),
        tuple(demand(f"d{n}", sku=rng.choice(skus), **place()) for n in range(40)),
    )


_LIMITS = {
    "a day": (MatchLimit(LimitScope.DAY, 9),),
    "zones": (MatchLimit(LimitScope.ZONE, 2, 6),),
    "zones in a day": (
        MatchLimit(LimitScope.ZONE, 2, 6),
        MatchLimit(LimitScope.DAY, 9),
    ),
    "SKUs": (MatchLimit(LimitScope.SKU, 7),),
}


@pytest.mark.parametrize("name", _LIMITS)
def test_a_price_is_what_one_more_place_saves(name: str) -> None:
    """Between one place more and one less; one more, for the outermost of demands."""
    terms = policy(match_limits=_LIMITS[name])
    priced = 0
    for seed in range(3):
        snapshot = _town(seed)

        def saved(key: LimitKey, more: int, town: Snapshot = snapshot) -> int:
            made = plan(town, terms, now_us=NOW_US, tenant=TENANT, taken={key: -more})
            return made.summary.saving_micros

        made = plan(snapshot, terms, now_us=NOW_US, tenant=TENANT)
        found = shadow_prices(unpack(pack(made.proof)))
        assert found.is_proven
        assert found.match_bonus == 0
        for group in found.groups:
            key = LimitKey(
                LimitScope[group.scope], group.resolution, group.key, NOW_US // DAY_US
            )
            assert key.text == group.name
            more, now, less = (saved(key, step) for step in (1, 0, -1))
            assert more - now <= group.price <= now - less
            if group.scope != "SKU" and (group.scope == "DAY" or "day" not in name):
                assert group.price == more - now
            priced += group.price > 0
    assert priced > 2


def test_demands_are_priced_by_id() -> None:
    """Those of 0 included; without limits there are no groups."""
    found = shadow_prices(plan(chain(), policy(), now_us=NOW_US).proof)
    assert [demand_id for demand_id, _ in found.demands] == ["d1", "d2"]
    assert found.groups == ()
    assert found.objective is Objective.MAX_SAVING


def test_prices_of_another_objective_say_so() -> None:
    """They are in weights, of which one match has the bonus."""
    terms = policy(objective=Objective.MAX_MATCHES_THEN_DISTANCE)
    found = shadow_prices(plan(_town(4), terms, now_us=NOW_US).proof)
    assert found.objective is Objective.MAX_MATCHES_THEN_DISTANCE
    assert found.match_bonus > 0


def test_a_proof_of_before_has_no_groups() -> None:
    """It still reads, and its prices mean what they meant."""
    proof = plan(chain(), policy(), now_us=NOW_US).proof
    old = Proof(
        format="nearturn.proof/1",
        return_ids=proof.return_ids,
        demand_ids=proof.demand_ids,
        row_offsets=proof.row_offsets,
        columns=proof.columns,
        saving=proof.saving,
        capacity=proof.capacity,
        column=proof.column,
        return_price=proof.return_price,
        demand_price=proof.demand_price,
        value=proof.value,
    )
    old.check()
    assert shadow_prices(old).demands == shadow_prices(proof).demands
