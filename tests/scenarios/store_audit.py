"""All that a store holds, read back after its server has gone, and what must hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from matcher.domain.decision import Decision, Outcome
from matcher.domain.demand import DemandState
from matcher.domain.ids import DemandId, MatchId, ReturnId, RoundId, TenantId
from matcher.domain.match import HoldState, Match
from matcher.domain.reason import CheckResult, Gate, ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.domain.shadow import CONTROL_CODES, ShadowState
from matcher.domain.warehouse import Warehouse
from matcher.engine.proof import unpack
from matcher.engine.records import DemandRecord, ReturnRecord, RoundRecord
from matcher.engine.shadow_records import ShadowRecord
from server.storage.opening import open_store
from server.storage.sql_store import SqlStore
from tests.scenarios.entities import DAY_US

TENANT = TenantId("default")

_PAGE = 5_000
_T = TypeVar("_T")

_OUTCOMES = {
    ReturnState.WAITING: Outcome.WAITING,
    ReturnState.MATCHED: Outcome.MATCHED,
    ReturnState.CONFIRMED: Outcome.MATCHED,
    ReturnState.COMPLETED: Outcome.MATCHED,
    ReturnState.WAREHOUSE: Outcome.WAREHOUSE,
    ReturnState.CANCELLED: Outcome.CANCELLED,
}
_HOLDS = {
    ReturnState.MATCHED: HoldState.ACTIVE,
    ReturnState.CONFIRMED: HoldState.CONFIRMED,
    ReturnState.COMPLETED: HoldState.CONFIRMED,
}
# What may be told of a shadow's decision besides what kept the item out.
_NOT_OF_GATES = {
    ReasonCode.WAREHOUSE_OVER_CAPACITY,
    ReasonCode.STANDARD_WAREHOUSE_ROUTE,
    ReasonCode.HOLD_EXPIRED,
    ReasonCode.MATCH_RELEASED,
}
_PROMISED = (HoldState.ACTIVE, HoldState.CONFIRMED)


@dataclass(frozen=True)
class StoreAudit:
    """Every row of a store, by id, and its decisions in the order of the log."""

    demands: dict[DemandId, DemandRecord]
    returns: dict[ReturnId, ReturnRecord]
    matches: dict[MatchId, Match]
    rounds: dict[RoundId, RoundRecord]
    decisions: list[Decision]
    warehouses: list[Warehouse]
    shadows: dict[ReturnId, ShadowRecord]

    @classmethod
    def of(cls, store_url: str) -> StoreAudit:
        """Read a store that no server has open."""
        with closing(open_store(store_url)) as store:
            decisions = _decisions(store)
            ids = dict.fromkeys(each.return_id for each in decisions)
            shadows = (store.shadow(TENANT, each) for each in ids)
            made = {each.match.match_id for each in decisions if each.match}
            solved = {each.round_id for each in decisions if each.round_id}
            return cls(
                demands={
                    each.demand.demand_id: each
                    for each in _pages(
                        lambda after: store.list_demands(
                            TENANT, state=None, after_id=after, limit=_PAGE
                        ),
                        lambda record: record.demand.demand_id,
                    )
                },
                returns={
                    each.item.return_id: each
                    for each in _pages(
                        lambda after: store.list_returns(
                            TENANT, state=None, after_id=after, limit=_PAGE
                        ),
                        lambda record: record.item.return_id,
                    )
                },
                matches={each: _found(store.match(TENANT, each)) for each in made},
                rounds={each: _found(store.round(TENANT, each)) for each in solved},
                decisions=decisions,
                warehouses=store.list_warehouses(TENANT, after_id="", limit=_PAGE),
                shadows={each.return_id: each for each in shadows if each},
            )

    def check(self) -> None:
        """Check all invariants of DESIGN.md, section 8, that rows can show."""
        self._check_routes()
        self._check_units()
        self._check_capacity()
        self._check_rounds()
        self._check_decisions()
        self._check_shadows()

    def promised(self) -> list[Match]:
        """Return the matches that are held or confirmed."""
        return [each for each in self.matches.values() if each.hold_state in _PROMISED]

    def latest(self) -> dict[ReturnId, Decision]:
        """Return the last decision of each return."""
        return {each.return_id: each for each in self.decisions}

    def _check_routes(self) -> None:
        # I1: one state each, the one that the last decision says.
        latest = self.latest()
        assert latest.keys() == self.returns.keys()
        holds = {each.return_id: each.hold_state for each in self.promised()}
        for return_id, record in self.returns.items():
            decision = latest[return_id]
            assert record.decision_id == decision.decision_id
            assert decision.outcome is _OUTCOMES[record.state]
            assert holds.get(return_id) is _HOLDS.get(record.state)

    def _check_units(self) -> None:
        # I2: no unit is promised twice, and no return to two buyers.
        held: Counter[str] = Counter()
        confirmed: Counter[str] = Counter()
        for match in self.promised():
            counts = held if match.hold_state is HoldState.ACTIVE else confirmed
            counts[match.demand_id] += 1
        for demand_id, record in self.demands.items():
            assert record.held_count == held[demand_id]
            assert record.fulfilled_count == confirmed[demand_id]
            assert held[demand_id] + confirmed[demand_id] <= record.demand.quantity
            if record.state is DemandState.FULFILLED:
                assert confirmed[demand_id] == record.demand.quantity
        buyers = [each.return_id for each in self.promised()]
        assert len(buyers) == len(set(buyers))

    def _check_capacity(self) -> None:
        # I3: within its capacity a warehouse has what is not flagged as over it.
        within: Counter[tuple[str, int]] = Counter()
        for decision in self.decisions:
            route = decision.warehouse
            if route is not None and not route.over_capacity:
                within[route.warehouse_id, decision.decided_us // DAY_US] += 1
        capacity = {each.warehouse_id: each.daily_capacity for each in self.warehouses}
        for (warehouse_id, _), count in within.items():
            assert not warehouse_id or count <= capacity[warehouse_id]

    def _check_rounds(self) -> None:
        # I6: every proof verifies, and what was promised is what it proposed.
        made: Counter[RoundId] = Counter()
        for match in self.matches.values():
            made[match.round_id] += 1
        for round_id, record in self.rounds.items():
            proof = unpack(record.proof)
            proof.check()
            assert record.verified
            assert record.saving_micros == record.dual_micros == proof.value
            assert record.matched_count == made[round_id]
            assert len(proof.pairs) == record.matched_count + record.dropped_count

    def _check_decisions(self) -> None:
        # I7 and I8: evidence, a reason, a fallback, the caller's own refund time.
        for decision in self.decisions:
            item = self.returns[decision.return_id].item
            assert decision.reasons
            assert decision.checks or decision.outcome is Outcome.CANCELLED
            assert decision.refund_due_us == item.refund_due_us
            if decision.match is not None:
                gates = [each for each in decision.checks if each.gate <= Gate.DEMAND]
                assert {each.result for each in gates} == {CheckResult.PASSED}
                assert self.matches[decision.match.match_id].round_id in self.rounds

    def _check_shadows(self) -> None:
        # R26: who was kept out has one shadow, of the decision that did it.
        kept_out = {
            each.return_id: each.decision_id
            for each in self.decisions
            if each.outcome is Outcome.WAREHOUSE
            and (codes := {reason.code for reason in each.reasons} - _NOT_OF_GATES)
            and codes <= set(CONTROL_CODES)
        }
        assert kept_out == {k: each.decision_id for k, each in self.shadows.items()}
        for shadow in self.shadows.values():
            assert (shadow.result is None) == (shadow.state is ShadowState.OPEN)


def _decisions(store: SqlStore) -> list[Decision]:
    # I4: the log has no gaps, so a watcher that resumes has missed nothing.
    logged = list(
        _pages(
            lambda after: store.decisions_after(TENANT, int(after or 0), _PAGE),
            lambda each: str(each.sequence),
        )
    )
    assert [each.sequence for each in logged] == list(range(1, len(logged) + 1))
    decisions = [each.decision for each in logged]
    assert len({each.decision_id for each in decisions}) == len(decisions)
    for earlier, later in pairwise(decisions):
        assert earlier.decided_us <= later.decided_us
    return decisions


def _pages(page: Callable[[str], list[_T]], key: Callable[[_T], str]) -> Iterator[_T]:
    after = ""
    while rows := page(after):
        yield from rows
        after = key(rows[-1])


def _found(row: _T | None) -> _T:
    assert row is not None, "a decision names what is not stored"
    return row
