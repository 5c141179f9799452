"""All that a store holds, read back after its server has gone, and what must hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

from matcher.domain.decision import Decision, Outcome
from matcher.domain.ids import DemandId, MatchId, ReturnId, RoundId, TenantId
from matcher.domain.match import Match
from matcher.domain.reason import CheckResult, Gate, ReasonCode
from matcher.domain.shadow import CONTROL_CODES, ShadowState
from matcher.domain.warehouse import Warehouse
from matcher.engine.records import DemandRecord, ReturnRecord, RoundRecord
from matcher.engine.shadow_records import ShadowRecord
from server.storage.audit.promises import PROMISED
from server.storage.audit.store_audit import audit_store
from server.storage.opening import file_of, open_store
from server.storage.sql_store import SqlStore
from server.storage.store_file import faults_of_file, reading_file
from tests.scenarios.entities import DAY_US

TENANT = TenantId("default")

_PAGE = 5_000
_T = TypeVar("_T")

# What may be told of a shadow's decision besides what kept the item out.
_NOT_OF_GATES = {
    ReasonCode.WAREHOUSE_OVER_CAPACITY,
    ReasonCode.STANDARD_WAREHOUSE_ROUTE,
    ReasonCode.HOLD_EXPIRED,
    ReasonCode.MATCH_RELEASED,
}


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
    violations: list[str]

    @classmethod
    def of(cls, store_url: str) -> StoreAudit:
        """Read a store that no server has open, and audit it before it is opened."""
        violations = _violations(store_url)
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
                violations=violations,
            )

    def check(self) -> None:
        """Check all invariants of DESIGN.md, section 8, that rows can show."""
        assert self.violations == []
        self._check_capacity()
        self._check_decisions()
        self._check_shadows()

    def promised(self) -> list[Match]:
        """Return the matches that are held or confirmed."""
        return [each for each in self.matches.values() if each.hold_state in PROMISED]

    def latest(self) -> dict[ReturnId, Decision]:
        """Return the last decision of each return."""
        return {each.return_id: each for each in self.decisions}

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


def _violations(store_url: str) -> list[str]:
    if not store_url.startswith("sqlite:"):
        with closing(open_store(store_url)) as store:
            return [str(each) for each in store.audit(with_proofs=True).violations]
    # Before it is opened: opening finishes what a killed server has left.
    with reading_file(file_of(store_url), "audit it") as connection:
        return [
            *faults_of_file(connection, is_quick=False, limit=10),
            *map(str, audit_store(connection, with_proofs=True).violations),
        ]


def _decisions(store: SqlStore) -> list[Decision]:
    logged = _pages(
        lambda after: store.decisions_after(TENANT, int(after or 0), _PAGE),
        lambda each: str(each.sequence),
    )
    return [each.decision for each in logged]


def _pages(page: Callable[[str], list[_T]], key: Callable[[_T], str]) -> Iterator[_T]:
    after = ""
    while rows := page(after):
        yield from rows
        after = key(rows[-1])


def _found(row: _T | None) -> _T:
    assert row is not None, "a decision names what is not stored"
    return row
