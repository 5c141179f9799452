"""What tenants may take, out of the settings and the file of quotas."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

from matcher.domain.ids import TenantId
from matcher.engine.limits import ShardLimits
from server.access.tenant_quotas import (
    TenantQuota,
    TenantQuotas,
    read_tenant_quotas,
)
from server.access.watched_file import WatchedFile
from server.config import Settings
from server.runtime.clock import Clock, monotonic_clock


class Quotas:
    """
    The quota of each tenant, as the file says it by now.

    Safe to use from threads. A file that is unfit, once it was fit, changes nothing.

    Parameters
    ----------
    settings
        What holds where the file says nothing.
    clock
        Says when it is time to look at the file again.

    Raises
    ------
    InvalidValueError
        If the file cannot be used.
    """

    def __init__(self, settings: Settings, *, clock: Clock = monotonic_clock) -> None:
        # The same value for the same quota: it is asked for with every group of work.
        self._limits = lru_cache(partial(_limits, _margins(settings)))
        others = TenantQuota(
            calls_per_s=settings.tenant_calls_per_s,
            burst=settings.tenant_burst,
            calls_max=settings.tenant_calls_max,
            demand_count_max=settings.demand_count_max,
            pool_count_max=settings.pool_count_max,
        )
        self._fixed = TenantQuotas(others)
        self._file: WatchedFile[TenantQuotas] | None = None
        if settings.tenant_quotas:
            read = partial(read_tenant_quotas, others=others)
            path = Path(settings.tenant_quotas)
            self._file = WatchedFile("tenant_quotas", (path,), read, clock=clock)

    def of(self, tenant: TenantId) -> TenantQuota:
        """Return what a tenant may take."""
        quotas = self._file.value() if self._file is not None else self._fixed
        return quotas.of(tenant)

    def weight(self, tenant: TenantId) -> int:
        """Return the share of a tenant."""
        return self.of(tenant).weight

    def limits(self, tenant: TenantId) -> ShardLimits:
        """Return what a tenant's shard may hold, and how early it acts."""
        return self._limits(self.of(tenant))


def _limits(margins: ShardLimits, quota: TenantQuota) -> ShardLimits:
    return replace(
        margins,
        demand_count_max=quota.demand_count_max,
        pool_count_max=quota.pool_count_max,
    )


def _margins(settings: Settings) -> ShardLimits:
    return ShardLimits(
        decide_margin_us=settings.decide_margin_ms * 1_000,
        round_lead_us=settings.round_lead_ms * 1_000,
        shadow_count_max=settings.shadow_count_max,
    )
