"""What one tenant may take of a server, where it is not what all may."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TypeAlias

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import TenantId, check_id

_ACCEPTED = "tables [[tenant]] with a name and quotas"


@dataclass(frozen=True, slots=True)
class TenantQuota:
    """
    What a tenant may take.

    Parameters
    ----------
    calls_per_s, burst, calls_max
        Calls in a second, at once after a pause, and under way at once; 0 is no limit
        for the first and the last.
    demand_count_max
        Demands open or held at once.
    pool_count_max
        Return items waiting or matched at once.
    weight
        Its share of a server that is busy, against those of the others.
    """

    calls_per_s: int = 0
    burst: int = 10_000
    calls_max: int = 10_000
    demand_count_max: int = 2_000_000
    pool_count_max: int = 1_000_000
    weight: int = 1


#: Least and greatest value of each quota, as those of the settings that it stands for.
QUOTA_RANGES: Mapping[str, tuple[int, int]] = {
    "calls_per_s": (0, 1_000_000),
    "burst": (1, 1_000_000),
    "calls_max": (0, 1_000_000),
    "demand_count_max": (1, 100_000_000),
    "pool_count_max": (1, 100_000_000),
    "weight": (1, 100),
}


#: Gives what a tenant may take by now.
QuotaOf: TypeAlias = Callable[[TenantId], TenantQuota]


@dataclass(frozen=True, slots=True)
class TenantQuotas:
    """The quota of each tenant that has one of its own, and that of the others."""

    others: TenantQuota = TenantQuota()
    by_tenant: Mapping[TenantId, TenantQuota] = field(default_factory=dict)

    def of(self, tenant: TenantId) -> TenantQuota:
        """Return what a tenant may take."""
        return self.by_tenant.get(tenant, self.others)


def read_tenant_quotas(raw: bytes, others: TenantQuota) -> TenantQuotas:
    """
    Read the file of quotas.

    Parameters
    ----------
    raw
        TOML: tables ``[[tenant]]``.
    others
        The quota of tenants that it does not name, and of what it leaves out.

    Raises
    ------
    InvalidValueError
        If it is no such file, or with the quota that is out of range.
    """
    try:
        document = tomllib.loads(raw.decode())
    except (UnicodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidValueError("tenant_quotas", str(error), _ACCEPTED) from error
    tables = document.pop("tenant", [])
    if document or not isinstance(tables, list):
        raise InvalidValueError("tenant_quotas", sorted(document), _ACCEPTED)
    by_tenant: dict[TenantId, TenantQuota] = {}
    for index, table in enumerate(tables):
        try:
            tenant, quota = _quota(table, others)
            if tenant in by_tenant:
                raise InvalidValueError("name", tenant, "each tenant once")
        except InvalidValueError as error:
            raise error.under(f"tenant_quotas.tenant[{index}]") from error
        by_tenant[tenant] = quota
    return TenantQuotas(others, by_tenant)


def _quota(table: object, others: TenantQuota) -> tuple[TenantId, TenantQuota]:
    if not isinstance(table, dict):
        raise InvalidValueError("", table, _ACCEPTED)
    known = {each.name for each in fields(TenantQuota)}
    name = table.get("name")
    if not isinstance(name, str):
        raise InvalidValueError("name", name, "text")
    check_id("name", name)
    given = {key: value for key, value in table.items() if key != "name"}
    for key, value in given.items():
        if key not in known:
            raise InvalidValueError(key, value, f"of {', '.join(sorted(known))}")
        low, high = QUOTA_RANGES[key]
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            raise InvalidValueError(key, value, f"{low:,} to {high:,}")
    return TenantId(name), replace(others, **given)
