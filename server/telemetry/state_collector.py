"""How the server stands, read when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from matcher.engine.shard_sizes import ShardSizes
from server.events.relay import Lag
from server.runtime.state import RuntimeState

_BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How the server stands at an instant.

    ``lags`` are those of each log behind the broker, none without one. A store that
    does not answer has no size.
    """

    is_serving: bool
    queue_limit: int
    runtime: RuntimeState
    store_bytes: int | None = None
    lags: Sequence[Lag] = field(default_factory=tuple)


#: Asked at each scrape, on a thread of its own; ``None`` before there is a runtime.
Stated = Callable[[], Standing | None]


class StateCollector(Collector):
    """
    Gauges of a standing: all tenants added up, and a few tenant by tenant.

    Parameters
    ----------
    stated
        Gives it.
    """

    def __init__(self, stated: Stated) -> None:
        self._stated = stated

    def collect(self) -> Iterator[Metric]:
        """Yield what there is now; what cannot be read has no sample."""
        standing = self._stated()
        for name, text, value in _GAUGES:
            family = GaugeMetricFamily(name, text)
            found = None if standing is None else value(standing)
            if found is not None:
                family.add_metric([], found)
            yield family
        for name, text, of_tenants in _TENANT_GAUGES:
            family = GaugeMetricFamily(name, text, labels=["tenant"])
            for tenant, amount in sorted(of_tenants(standing) if standing else ()):
                family.add_metric([tenant], amount)
            yield family

    def describe(self) -> Iterable[Metric]:
        """Return the names, without a look at anything."""
        told = [(name, text) for name, text, _ in (*_GAUGES, *_TENANT_GAUGES)]
        return [GaugeMetricFamily(name, text) for name, text in told]


def _total(value: Callable[[ShardSizes], int]) -> Callable[[Standing], float]:
    return lambda standing: sum(map(value, standing.runtime.sizes.values()))


def _allowed(sizes: ShardSizes) -> int:
    return sizes.cap_basis_points * sizes.eligible_count // _BASIS_POINTS


def _epoch(standing: Standing) -> float:
    return max(standing.runtime.epochs.values(), default=0)


def _lag_s(standing: Standing) -> float | None:
    ages = [lag.age_us / 1_000_000 for lag in standing.lags]
    return max(ages) if ages else None


def _lag_count(standing: Standing) -> float | None:
    counts = [lag.decision_count for lag in standing.lags]
    return sum(counts) if counts else None


_Value = Callable[[Standing], float | None]

_GAUGES: tuple[tuple[str, str, _Value], ...] = (
    ("nearturn_serving", "1 while health says SERVING.", lambda s: s.is_serving),
    (
        "nearturn_queue_length",
        "Writes that wait for the engine.",
        lambda s: sum(s.runtime.queue_lengths.values()),
    ),
    (
        "nearturn_queue_limit",
        "How many of one tenant may wait; one more is refused.",
        lambda s: s.queue_limit,
    ),
    (
        "nearturn_waiting_returns",
        "Return items that wait for a buyer.",
        _total(lambda each: each.waiting_count),
    ),
    (
        "nearturn_holds",
        "Units that are held for a match.",
        _total(lambda each: each.hold_count),
    ),
    (
        "nearturn_open_demands",
        "Demands with an open or a held unit.",
        _total(lambda each: each.demand_count),
    ),
    (
        "nearturn_indexed_demands",
        "Demands in the index, as of the last round.",
        _total(lambda each: each.indexed_count),
    ),
    (
        "nearturn_index_bytes",
        "Memory of the index.",
        _total(lambda each: each.index_bytes),
    ),
    (
        "nearturn_shadows",
        "Items that were kept out and are asked about.",
        _total(lambda each: each.shadow_count),
    ),
    (
        "nearturn_policies_in_force",
        "Tenants with an active policy; without one nothing is matched.",
        _total(lambda each: each.policy_version > 0),
    ),
    (
        "nearturn_volume_cap_eligible_returns",
        "Eligible items in the window of the volume cap.",
        _total(lambda each: each.eligible_count),
    ),
    (
        "nearturn_volume_cap_allowed_returns",
        "How many of them the cap lets in.",
        _total(_allowed),
    ),
    (
        "nearturn_volume_cap_admitted_returns",
        "How many of them it has let in.",
        _total(lambda each: each.admitted_count),
    ),
    (
        "nearturn_leases_wanted",
        "Shards that this server is to have.",
        lambda s: s.runtime.wanted_count,
    ),
    (
        "nearturn_leases_held",
        "Shards whose lease it has; a standby has none.",
        lambda s: len(s.runtime.epochs),
    ),
    (
        "nearturn_lease_epoch",
        "Highest epoch of its leases: one more with each owner. 0 without a lease.",
        _epoch,
    ),
    (
        "nearturn_store_reachable",
        "1 if the store answered this scrape.",
        lambda s: s.store_bytes is not None,
    ),
    (
        "nearturn_store_bytes",
        "Size of the store, its write-ahead log left aside.",
        lambda s: s.store_bytes,
    ),
    (
        "nearturn_outbox_lag_decisions",
        "Decisions that the broker does not have yet; absent without a broker.",
        _lag_count,
    ),
    (
        "nearturn_outbox_lag_seconds",
        "Age of the oldest of them.",
        _lag_s,
    ),
)

_TenantValues = Callable[[Standing], Iterable[tuple[str, float]]]


def _each(value: Callable[[ShardSizes], int]) -> _TenantValues:
    return lambda standing: [
        (tenant, value(sizes)) for tenant, sizes in standing.runtime.sizes.items()
    ]


# As many series as a server has tenants, which the settings bound.
_TENANT_GAUGES: tuple[tuple[str, str, _TenantValues], ...] = (
    (
        "nearturn_tenant_queue_length",
        "Writes of a tenant that wait for the engine.",
        lambda s: [
            (tenant, s.runtime.queue_lengths.get(tenant, 0))
            for tenant in s.runtime.sizes
        ],
    ),
    (
        "nearturn_tenant_waiting_returns",
        "Return items of a tenant that wait for a buyer.",
        _each(lambda each: each.waiting_count),
    ),
    (
        "nearturn_tenant_open_demands",
        "Demands of a tenant with an open or a held unit.",
        _each(lambda each: each.demand_count),
    ),
)
