"""Kept gate reports are the reports that would be made anew."""

from __future__ import annotations

import random

import pytest

from matcher.domain.ids import ReturnId, ServiceAreaId
from matcher.domain.item import VerificationStatus
from matcher.domain.policy import RolloutStep
from matcher.domain.policy_change import Dimension
from matcher.domain.return_item import ReturnItem
from matcher.engine import gate_keeper as module
from matcher.engine.archive import LiveRows
from matcher.engine.gate_keeper import GateKeeper
from matcher.engine.ledger import Ledger
from matcher.engine.network_book import NetworkBook
from matcher.engine.policy_book import PolicyBook
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import GateReport, evaluate_gates
from matcher.policy.volume import Admission
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    NOW_US,
    SIGNED,
    TENANT,
    MemoryStore,
    policy,
    return_item,
    rule,
    service_area,
    verification,
    waiting,
    warehouse,
)

_ASKED = (Admission.UNSPECIFIED, Admission.ADMITTED)


class _Keeper:
    """A keeper with its books, and the count of real evaluations."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ledger = Ledger(MemoryStore(), LiveRows())
        self.policies = PolicyBook(ledger, LiveRows())
        self.network = NetworkBook(ledger, LiveRows())
        self.keeper = GateKeeper(TENANT, self.policies, self.network)
        self.evaluated: list[str] = []
        self.activate()
        monkeypatch.setattr(module, "evaluate_gates", self._counted)

    def activate(self, **changes: object) -> None:
        record = self.policies.create(policy(**changes), NOW_US, validate_only=False)
        self.policies.activate(record.policy.version, tuple(Dimension), SIGNED, NOW_US)

    def report(self, item: ReturnItem, now_us: int = NOW_US) -> GateReport:
        (report,) = self.keeper.reports([waiting(item)], now_us)
        return report

    def _counted(self, item: ReturnItem, *args: object, **kwargs: object) -> GateReport:
        self.evaluated.append(item.return_id)
        report: GateReport = evaluate_gates(item, *args, **kwargs)  # type: ignore[arg-type]
        return report


@pytest.fixture(name="kept")
def _kept(monkeypatch: pytest.MonkeyPatch) -> _Keeper:
    return _Keeper(monkeypatch)


def test_a_report_is_made_once(kept: _Keeper) -> None:
    """Asked again an hour later, with another item: only that one is evaluated."""
    first = kept.report(return_item("r1"))
    both = kept.keeper.reports(
        [waiting(return_item("r2")), waiting(return_item("r1"))], NOW_US + HOUR_US
    )
    assert kept.evaluated == ["r1", "r2"]
    assert both[1] is first


@pytest.mark.parametrize(
    ("item", "ends_us"),
    [
        (return_item(verification=verification(expire_us=NOW_US + 9)), NOW_US + 9),
        (return_item(season_end_us=NOW_US + 9), NOW_US + 9),
        (return_item(), NOW_US - HOUR_US + 7 * DAY_US + 1),
    ],
    ids=["expiry", "season", "age"],
)
def test_not_a_microsecond_too_long(
    kept: _Keeper, item: ReturnItem, ends_us: int
) -> None:
    """True until evidence expires, a season ends, a week is over; then anew (R17)."""
    assert kept.report(item, ends_us - 1).passed
    assert kept.report(item, ends_us - 1).passed
    assert len(kept.evaluated) == 1
    assert not kept.report(item, ends_us).passed


def test_another_policy_is_another_report(kept: _Keeper) -> None:
    """The version counts, even where the document is the same."""
    assert kept.report(return_item()).policy_version == 1
    kept.activate()
    assert kept.report(return_item()).policy_version == 2
    kept.policies.activate(1, tuple(Dimension), SIGNED, NOW_US)
    assert kept.report(return_item()).policy_version == 1
    assert len(kept.evaluated) == 3


def test_other_areas_are_another_report(kept: _Keeper) -> None:
    """An area that leaves the item out, and its deletion, count at once."""
    item = return_item("r1", 20_000)
    assert kept.report(item).passed
    kept.network.upsert_area(service_area())
    assert not kept.report(item).passed
    kept.network.delete_area(ServiceAreaId("a1"))
    assert kept.report(item).passed


def test_a_warehouse_is_no_reason_to_ask_again(kept: _Keeper) -> None:
    """Gates 1 and 2 do not look at warehouses."""
    kept.report(return_item())
    kept.network.upsert_warehouse(warehouse())
    kept.report(return_item())
    assert len(kept.evaluated) == 1


def test_a_forgotten_report_is_made_anew(kept: _Keeper) -> None:
    """The item changed: what was found about it before is void."""
    kept.report(return_item())
    kept.keeper.forget(ReturnId("r1"))
    kept.keeper.forget(ReturnId("stranger"))
    failed = verification(status=VerificationStatus.FAILED)
    assert not kept.report(return_item(verification=failed)).passed


def test_what_failed_is_asked_again(kept: _Keeper) -> None:
    """Evidence from ahead of our clock counts once its time has come."""
    ahead = return_item(verification=verification(verify_us=NOW_US + HOUR_US))
    assert not kept.report(ahead).passed
    assert kept.report(ahead, NOW_US + HOUR_US).passed


def test_keeping_never_changes_an_answer(kept: _Keeper) -> None:
    """400 random steps, seed 9: equal to an evaluation made on the spot (I5)."""
    rng = random.Random(9)
    items = [
        return_item(
            f"r{number}",
            rng.choice([0, 20_000]),
            season_end_us=rng.choice([None, NOW_US + rng.randrange(HOUR_US)]),
            verification=verification(
                status=rng.choice(
                    [VerificationStatus.PASSED, VerificationStatus.PENDING]
                ),
                expire_us=rng.choice([None, NOW_US + rng.randrange(HOUR_US)]),
            ),
        )
        for number in range(30)
    ]
    now_us = NOW_US
    for _ in range(400):
        now_us += rng.randrange(HOUR_US // 300)
        step = rng.random()
        if step < 0.02:
            kept.activate(categories=(rule(verification_max_age_us=2 * HOUR_US),))
        elif step < 0.05:
            kept.network.upsert_area(service_area(east_m=rng.choice([9_000, 30_000])))
        elif step < 0.08:
            kept.policies.program.pause("apparel", "audit", now_us)
        elif step < 0.11:
            kept.policies.program.resume("apparel", "", now_us)
        elif step < 0.13:
            steps = (RolloutStep(now_us + HOUR_US // 200, 10_000),)
            kept.activate(rollout_basis_points=5_000, rollout_steps=steps)
        some = [
            waiting(each, admission=_ASKED[len(each.return_id) % 2])
            for each in rng.sample(items, 5)
        ]
        for record, report in zip(some, kept.keeper.reports(some, now_us), strict=True):
            place = record.item.location
            inside = kept.network.network.areas.contains([place.lat], [place.lng])[0]
            assert report == evaluate_gates(
                record.item,
                kept.policies.active,
                tenant=TENANT,
                surroundings=Surroundings(
                    bool(inside >= 0), kept.policies.program.pauses, record.admission
                ),
                now_us=now_us,
            )
    assert len(kept.evaluated) < 1_800
