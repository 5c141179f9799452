"""The file of what single tenants may take."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import TenantId
from server.access.tenant_quotas import (
    QUOTA_RANGES,
    TenantQuota,
    read_tenant_quotas,
)
from server.config import Settings, load_settings
from server.quotas import Quotas
from tests.contract.api_target import HandClock

A, B = TenantId("a"), TenantId("b")
OTHERS = TenantQuota(calls_per_s=7, pool_count_max=50)


def test_what_it_does_not_say_is_that_of_the_others():
    """Tenants that it leaves out, and quotas of those that it names."""
    raw = b'[[tenant]]\nname = "a"\ncalls_per_s = 100\nweight = 3\n'
    quotas = read_tenant_quotas(raw, OTHERS)
    assert quotas.of(B) == OTHERS
    assert quotas.of(A) == TenantQuota(calls_per_s=100, pool_count_max=50, weight=3)


@pytest.mark.parametrize("name", QUOTA_RANGES)
def test_quotas_have_ranges(name: str):
    """Both ends are in; one less, one more and what is no number are refused."""
    low, high = QUOTA_RANGES[name]
    for value in (low, high):
        raw = f'[[tenant]]\nname = "a"\n{name} = {value}\n'.encode()
        assert getattr(read_tenant_quotas(raw, OTHERS).of(A), name) == value
    for shown in (low - 1, high + 1, "true", "1.5", '"7"'):
        raw = f'[[tenant]]\nname = "a"\n{name} = {shown}\n'.encode()
        with pytest.raises(InvalidValueError) as refused:
            read_tenant_quotas(raw, OTHERS)
        (violation,) = refused.value.violations
        assert violation.field == f"tenant_quotas.tenant[0].{name}"
        assert violation.accepted == f"{low:,} to {high:,}"


@pytest.mark.parametrize("name", sorted(set(QUOTA_RANGES) - {"weight"}))
def test_a_quota_has_the_range_of_its_setting(name: str):
    """What all may take and what one may take are the same kind of number."""
    own = {"calls_per_s", "burst", "calls_max"}
    field = Settings.model_fields[f"tenant_{name}" if name in own else name]
    low = next(each.ge for each in field.metadata if hasattr(each, "ge"))
    high = next(each.le for each in field.metadata if hasattr(each, "le"))
    assert QUOTA_RANGES[name] == (low, high)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"= 3", "tenant_quotas"),
        (b"\xff", "tenant_quotas"),
        (b"[tenants]\n", "tenant_quotas"),
        (b"tenant = 3", "tenant_quotas"),
        (b"tenant = [3]", "tenant_quotas.tenant[0]"),
        (b"[[tenant]]\nweight = 1", "tenant_quotas.tenant[0].name"),
        (b'[[tenant]]\nname = ""', "tenant_quotas.tenant[0].name"),
        (b'[[tenant]]\nname = "a"\nwait = 1', "tenant_quotas.tenant[0].wait"),
        (
            b'[[tenant]]\nname = "a"\n[[tenant]]\nname = "a"',
            "tenant_quotas.tenant[1].name",
        ),
    ],
)
def test_a_file_that_is_unfit_is_refused(raw: bytes, field: str):
    """The error names the place in it."""
    with pytest.raises(InvalidValueError) as refused:
        read_tenant_quotas(raw, OTHERS)
    assert refused.value.violations[0].field.rstrip(".") == field


def test_settings_hold_where_there_is_no_file():
    """For everybody, with one share each."""
    quotas = Quotas(load_settings(tenant_burst=5, pool_count_max=9))
    for tenant in (A, B):
        assert quotas.of(tenant).burst == 5
        assert quotas.limits(tenant).pool_count_max == 9
        assert quotas.weight(tenant) == 1


def test_a_changed_file_holds_within_a_second(tmp_path: Path):
    """And one that is unfit changes nothing."""
    clock = HandClock()
    file = tmp_path / "tenants.toml"
    file.write_text('[[tenant]]\nname = "a"\ndemand_count_max = 3\n')
    settings = load_settings(tenant_quotas=str(file), decide_margin_ms=20)
    quotas = Quotas(settings, clock=clock)
    assert quotas.limits(A).demand_count_max == 3
    assert quotas.limits(A).decide_margin_us == 20_000
    assert quotas.limits(B).demand_count_max == 2_000_000
    for said, most in (("40", 40), ("0", 40), ("50", 50)):
        file.write_text(f'[[tenant]]\nname = "a"\ndemand_count_max = {said}\n')
        clock.now_us += 1_000_000
        assert quotas.limits(A).demand_count_max == most


def test_a_file_that_is_missing_stops_the_start(tmp_path: Path):
    """Quotas that somebody wrote down must not be left out in silence."""
    with pytest.raises(InvalidValueError, match="tenant_quotas"):
        Quotas(load_settings(tenant_quotas=str(tmp_path / "none.toml")))
