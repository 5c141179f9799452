"""Shadow prices of a proof, held against planning again with one place more."""

from __future__ import annotations

import random

import pytest

from matcher.domain.match_limit import LimitKey, LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.engine.plan import plan
from matcher.engine.proof import pack, unpack
from matcher.engine.snapshot import Snapshot
from matcher.report.prices import (
    LIMIT_METHOD,
    PRICE_METHOD,
    PriceView,
    price_method,
    shadow_prices,
)
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
        for group in unpack(pack(made.proof)).groups:
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


def test_limits_are_listed_dearest_first() -> None:
    """Those above zero only, by name, each with what it had left."""
    made = plan(_town(0), policy(match_limits=_LIMITS["zones"]), now_us=NOW_US)
    found = shadow_prices(made.proof, PriceView.LIMIT, {}, 7)
    prices = [each.price_micros for each in found]
    assert prices == sorted(prices, reverse=True)
    assert prices[-1] > 0
    groups = {each.name: each for each in made.proof.groups}
    for each in found:
        group = groups[each.limit]
        assert (each.price_micros, each.left_count) == (group.price, group.limit)
    assert LIMIT_METHOD in price_method(made.proof)


def test_prices_of_another_objective_say_so() -> None:
    """They are in weights, of which one match has the bonus."""
    terms = policy(objective=Objective.MAX_MATCHES_THEN_DISTANCE)
    proof = plan(_town(4), terms, now_us=NOW_US).proof
    assert proof.match_bonus > 0
    assert f"counts for {proof.match_bonus} in them" in price_method(proof)
    assert "MAX_MATCHES_THEN_DISTANCE" in price_method(proof)


def test_a_plain_round_has_no_more_to_say() -> None:
    """No limits, and micros."""
    proof = plan(chain(), policy(), now_us=NOW_US).proof
    assert price_method(proof) == PRICE_METHOD
    assert shadow_prices(proof, PriceView.LIMIT, {}, 7) == []
