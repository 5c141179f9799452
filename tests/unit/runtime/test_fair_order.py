"""Whose turn it is, against a slow model that keeps every item's tags."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.ids import TenantId
from server.runtime.fair_order import FairOrder

TENANTS = [TenantId(name) for name in ("a", "b", "c")]
A, B, C = TENANTS

# What comes: an item of a tenant that will cost so much, or nobody, who is served.
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(TENANTS), st.integers(1, 50)),
        st.just(None),
    ),
    max_size=60,
)
_WEIGHTS = st.fixed_dictionaries({each: st.integers(1, 5) for each in TENANTS})


@dataclass
class PaperOrder:
    """
    Start-time fair queueing as the paper has it, with all tags, in fractions.

    Each item gets its start tag when it comes: the later of virtual time and the end of
    the item before it of its tenant. Virtual time is the start of the last that was
    served, and at the end of a busy period the greatest end of all.
    """

    weights: dict[TenantId, int]
    waiting: list[tuple[Fraction, TenantId, int, int]] = field(default_factory=list)
    ends: dict[TenantId, Fraction] = field(default_factory=dict)
    virtual: Fraction = Fraction(0)
    number: int = 0

    def put(self, tenant: TenantId, cost: int) -> None:
        """Let an item wait whose cost is known."""
        if not self.waiting:
            self.virtual = max(self.ends.values(), default=Fraction(0))
        start = max(self.virtual, self.ends.get(tenant, Fraction(0)))
        self.ends[tenant] = start + Fraction(cost, self.weights[tenant])
        self.waiting.append((start, tenant, self.number, cost))
        self.number += 1

    def take(self) -> tuple[TenantId, int] | None:
        """Serve the item that starts first."""
        if not self.waiting:
            return None
        first = min(self.waiting)
        self.waiting.remove(first)
        self.virtual = max(self.virtual, first[0])
        return first[1], first[3]


def _take(order: FairOrder[int]) -> tuple[TenantId, int] | None:
    tenant = order.next_tenant()
    if tenant is None:
        return None
    cost = order.take(tenant)
    order.charge(tenant, cost)
    return tenant, cost


def _whole(weights: dict[TenantId, int]) -> dict[TenantId, int]:
    # Weights that divide the scale: no rounding stands between it and the fractions.
    return {each: {1: 1, 2: 2, 3: 4, 4: 5, 5: 8}[n] for each, n in weights.items()}


@given(steps=_STEPS, weights=_WEIGHTS)
def test_it_serves_in_the_order_of_the_paper(
    steps: list[tuple[TenantId, int] | None], weights: dict[TenantId, int]
) -> None:
    """Item by item, whatever comes when and whatever it costs (three tenants)."""
    shares = _whole(weights)
    order, paper = FairOrder[int](lambda each: shares[each]), PaperOrder(shares)
    for step in steps:
        if step is None:
            assert _take(order) == paper.take()
        else:
            order.put(*step)
            paper.put(*step)
    while (expected := paper.take()) is not None:
        assert _take(order) == expected
    assert len(order) == 0
    assert _take(order) is None


@given(
    costs=st.dictionaries(
        st.sampled_from(TENANTS), st.integers(1, 100), min_size=2, max_size=3
    ),
    weights=_WEIGHTS,
    served=st.integers(1, 200),
)
def test_nobody_gets_more_than_its_share_and_one_item(
    costs: dict[TenantId, int], weights: dict[TenantId, int], served: int
) -> None:
    """
    All have always something waiting: served by weight, they differ by an item each.

    Each tenant's items cost the same, and what they cost is told late: 1 is charged as
    the item is taken, the rest when the next is asked for.
    """
    shares = _whole(weights)
    order = FairOrder[int](lambda each: shares[each])
    for tenant in costs:
        for _ in range(served):
            order.put(tenant, 0)
    got: Counter[TenantId] = Counter()
    for _ in range(served):
        tenant = order.next_tenant()
        assert tenant is not None
        order.take(tenant)
        order.charge(tenant, 1)
        order.charge(tenant, costs[tenant] - 1)
        got[tenant] += costs[tenant]
    had = {each: Fraction(got[each], shares[each]) for each in costs}
    item = {each: Fraction(cost, shares[each]) for each, cost in costs.items()}
    for one, other in permutations(costs, 2):
        assert had[one] - had[other] <= item[one] + item[other]


def test_who_comes_late_is_next_and_has_saved_up_nothing() -> None:
    """Of a hundred of one tenant ten are done when another comes: it is next, once."""
    order = FairOrder[int]()
    for number in range(100):
        order.put(A, number)
    for _ in range(10):
        _served(order)
    order.put(B, 0)
    order.put(B, 1)
    assert [_served(order) for _ in range(4)] == [B, A, B, A]


def test_a_tenant_keeps_its_own_order() -> None:
    """First come, first served, within a tenant."""
    order = FairOrder[int]()
    for number in range(5):
        order.put(A, number)
        order.put(B, number)
    taken: dict[TenantId, list[int]] = {A: [], B: []}
    while (tenant := order.next_tenant()) is not None:
        taken[tenant].append(order.take(tenant))
        order.charge(tenant, 3)
    assert taken == {A: [0, 1, 2, 3, 4], B: [0, 1, 2, 3, 4]}


def test_what_it_holds_can_be_counted() -> None:
    """Tenant by tenant, and only where something waits."""
    order = FairOrder[int]()
    order.put(A, 1)
    order.put(A, 2)
    order.put(C, 3)
    assert (len(order), order.count(A), order.count(B)) == (3, 2, 0)
    assert order.counts() == {A: 2, C: 1}
    assert (order.first(A), order.first(B)) == (1, None)
    assert order.next_tenant(lambda each: each != A) == C


def _served(order: FairOrder[int]) -> TenantId:
    tenant = order.next_tenant()
    assert tenant is not None
    order.take(tenant)
    order.charge(tenant, 10)
    return tenant
