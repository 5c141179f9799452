"""What happened between two looks at a server, in numbers for people."""

from __future__ import annotations

from dataclasses import dataclass

from server.telemetry.scrape import Scrape

_CALLS = "nearturn_rpc_duration_seconds"
_STAGES = "nearturn_round_stage_duration_seconds_sum"
_ROWS = 8

_ENGINE = "nearturn_tenant_engine_seconds_total"
_TENANT_WAITING = "nearturn_tenant_waiting_returns"
# Characters of a tenant's name that a row has room for.
_NAME_MAX = 18


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under one title: what, and how much."""

    title: str
    rows: tuple[tuple[str, str], ...]


class Figures:
    """
    A look at a server, and what it was before.

    Parameters
    ----------
    now
        The look.
    before
        An earlier one; ``None`` counts from the server's start.
    tenant
        The one to look at closely; ``None`` for the busiest of several.
    """

    def __init__(
        self, now: Scrape, before: Scrape | None, tenant: str | None = None
    ) -> None:
        self._now = now
        self._tenant = tenant
        # Another process has its own counters: it is looked at from its start.
        is_same = before is not None and _start(before) == _start(now)
        self._before = before if is_same else None
        began_s = _start(now) if self._before is None else self._before.at_s
        self._seconds = max(now.at_s - began_s, 1e-3)

    def headline(self) -> str:
        """Say who it is, since when it is up, and whether it decides."""
        (version,) = self._now.by("version", "nearturn_build_info")
        serving = self._gauge("nearturn_serving")
        state = "SERVING" if serving else "NOT SERVING"
        held, wanted = (
            self._gauge("nearturn_leases_held"),
            self._gauge("nearturn_leases_wanted"),
        )
        if not serving and wanted and not held:
            state = "STANDING BY"
        up = _span(self._now.at_s - _start(self._now))
        epoch = self._gauge("nearturn_lease_epoch")
        leases = f"leases {_count(held)} of {_count(wanted)}, epoch {_count(epoch)}"
        return f"nearturn {version}  {state}  up {up}  {leases}"

    def tenants(self) -> list[str]:
        """Return the tenants that the server has figures of, in order."""
        return sorted(self._now.by("tenant", _TENANT_WAITING))

    def sections(self) -> list[Section]:
        """Return all that is shown."""
        return [
            *self._tenants(),
            self._calls(),
            self._writes(),
            self._pool(),
            self._rounds(),
            self._outcomes(),
            self._reasons(),
            self._below(),
        ]

    def _tenants(self) -> list[Section]:
        if self._tenant is not None:
            return [self._one_tenant(self._tenant)]
        known = self.tenants()
        if len(known) < 2:
            # The totals are its own.
            return []
        busiest = sorted(known, key=lambda each: (-self._engine_share(each), each))
        rows = [(_shortened(each), self._of_tenant(each)) for each in busiest[:_ROWS]]
        if len(known) > _ROWS:
            rows.append(("others", _count(len(known) - _ROWS)))
        return [Section("Tenants: engine, queue, returns waiting", tuple(rows))]

    def _of_tenant(self, tenant: str) -> str:
        waiting = self._now.total(_TENANT_WAITING, tenant=tenant)
        queued = self._now.total("nearturn_tenant_queue_length", tenant=tenant)
        engine = f"{100 * self._engine_share(tenant):.1f} %"
        return f"{engine}  {_count(queued):>6}  {_count(waiting):>9}"

    def _one_tenant(self, tenant: str) -> Section:
        def gauge(name: str) -> str:
            return _count(self._now.total(f"nearturn_tenant_{name}", tenant=tenant))

        refused = self._rate("nearturn_tenant_queue_refusals_total", tenant=tenant)
        return Section(
            f"Tenant {_shortened(tenant)}",
            (
                ("engine", f"{100 * self._engine_share(tenant):.1f} % of its time"),
                ("in the queue", gauge("queue_length")),
                ("refused", refused),
                ("returns waiting", gauge("waiting_returns")),
                ("open demands", gauge("open_demands")),
            ),
        )

    def _engine_share(self, tenant: str) -> float:
        # Of one thread: all of its time is a second each second.
        return self._moved(_ENGINE, tenant=tenant) / self._seconds

    def _calls(self) -> Section:
        rates = self._now.by("method", f"{_CALLS}_count")
        before = self._before.by("method", f"{_CALLS}_count") if self._before else {}
        moved = {k: (v - before.get(k, 0.0)) / self._seconds for k, v in rates.items()}
        busiest = sorted(moved.items(), key=lambda each: (-each[1], each[0]))
        rows = [
            ("all", self._rate(f"{_CALLS}_count")),
            ("not OK", self._not_ok()),
            ("p50, p99", self._quantiles(_CALLS)),
            ("under way", _count(self._gauge("nearturn_rpcs_in_flight"))),
        ]
        rows += [
            (method.rpartition(".")[2], f"{rate:,.1f} /s")
            for method, rate in busiest[:_ROWS]
            if rate > 0
        ]
        return Section("Calls", tuple(rows))

    def _not_ok(self) -> str:
        ok = self._moved(f"{_CALLS}_count", code="OK")
        rate = (self._moved(f"{_CALLS}_count") - ok) / self._seconds
        faults = self._gauge("nearturn_internal_errors_total")
        return f"{rate:,.1f} /s, {_count(faults)} faults of ours"

    def _writes(self) -> Section:
        length = _count(self._gauge("nearturn_queue_length"))
        limit = _count(self._gauge("nearturn_queue_limit"))
        groups = self._moved("nearturn_commit_group_size_count")
        writes = self._moved("nearturn_commit_group_size_sum")
        mean = f"{writes / groups:,.1f}" if groups else "-"
        return Section(
            "Writes",
            (
                ("in the queue", f"{length} of {limit}"),
                ("refused", self._rate("nearturn_queue_refusals_total")),
                ("waited, p50, p99", self._quantiles("nearturn_queue_wait_seconds")),
                ("engine", self._quantiles("nearturn_engine_duration_seconds")),
                ("commit", self._quantiles("nearturn_commit_duration_seconds")),
                ("in a transaction", mean),
                ("given up", self._rate("nearturn_groups_given_up_total")),
            ),
        )

    def _pool(self) -> Section:
        eligible, allowed, admitted = (
            _count(self._gauge(f"nearturn_volume_cap_{name}_returns"))
            for name in ("eligible", "allowed", "admitted")
        )
        return Section(
            "Market",
            (
                ("returns waiting", _count(self._gauge("nearturn_waiting_returns"))),
                ("units held", _count(self._gauge("nearturn_holds"))),
                ("open demands", _count(self._gauge("nearturn_open_demands"))),
                ("in the index", _count(self._gauge("nearturn_indexed_demands"))),
                ("shadows", _count(self._gauge("nearturn_shadows"))),
                (
                    "policies in force",
                    _count(self._gauge("nearturn_policies_in_force")),
                ),
                ("cap", f"{admitted} of {allowed} let in, {eligible} eligible"),
            ),
        )

    def _rounds(self) -> Section:
        last_s = self._gauge("nearturn_last_round_timestamp_seconds")
        ago = f"{_span(self._now.at_s - last_s)} ago" if last_s else "never"
        stages = self._now.by("stage", _STAGES)
        before = self._before.by("stage", _STAGES) if self._before else {}
        times = [
            (stage, f"{1e3 * (value - before.get(stage, 0.0)):,.0f} ms")
            for stage, value in stages.items()
            if value > before.get(stage, 0.0)
        ]
        gap = _count(self._gauge("nearturn_last_round_gap_micros"))
        unproven = _count(self._gauge("nearturn_unproven_rounds_total"))
        failed = _count(self._gauge("nearturn_round_failures_total"))
        rows = (
            ("rounds", self._rate("nearturn_round_duration_seconds_count")),
            ("the last", ago),
            ("p50, p99", self._quantiles("nearturn_round_duration_seconds")),
            ("matches", self._rate("nearturn_round_matches_total")),
            ("pairs", self._rate("nearturn_round_candidates_total")),
            ("gap of the last", f"{gap} micros, {unproven} unproven, {failed} failed"),
        )
        return Section("Rounds", (*rows, *times))

    def _outcomes(self) -> Section:
        totals = self._now.by("outcome", "nearturn_decisions_total")
        rows = [
            (outcome, f"{self._rate('nearturn_decisions_total', outcome=outcome)}")
            for outcome in totals
        ]
        unexplained = _count(self._gauge("nearturn_unexplained_decisions_total"))
        return Section("Decisions", (*rows, ("without a reason", unexplained)))

    def _reasons(self) -> Section:
        name = "nearturn_decision_reasons_total"
        totals = self._now.by("reason", name)
        before = self._before.by("reason", name) if self._before else {}
        moved = {reason: n - before.get(reason, 0.0) for reason, n in totals.items()}
        most = sorted(moved.items(), key=lambda each: (-each[1], each[0]))
        rows = [(reason, _count(n)) for reason, n in most[: 2 * _ROWS] if n > 0]
        return Section("Reasons", tuple(rows))

    def _below(self) -> Section:
        lag_s = self._gauge("nearturn_outbox_lag_seconds")
        lacking = self._gauge("nearturn_outbox_lag_decisions")
        broker = "none"
        if lag_s is not None:
            broker = f"{_count(lacking)} decisions, {_span(lag_s)}"
        reached = self._gauge("nearturn_store_reachable")
        store = _bytes(self._gauge("nearturn_store_bytes"))
        return Section(
            "Below it",
            (
                ("store", store if reached else "does not answer"),
                ("broker lacks", broker),
                ("memory", _bytes(self._gauge("process_resident_memory_bytes"))),
                ("index", _bytes(self._gauge("nearturn_index_bytes"))),
                ("processor", f"{self._cores():.2f} cores"),
            ),
        )

    def _cores(self) -> float:
        return self._moved("process_cpu_seconds_total") / self._seconds

    def _gauge(self, name: str) -> float | None:
        return self._now.total(name)

    def _moved(self, name: str, **labels: str) -> float:
        before = self._before.total(name, **labels) if self._before else None
        return (self._now.total(name, **labels) or 0.0) - (before or 0.0)

    def _rate(self, name: str, **labels: str) -> str:
        total = self._now.total(name, **labels)
        rate = self._moved(name, **labels) / self._seconds
        return f"{rate:,.1f} /s, {_count(total)} in all"

    def _quantiles(self, name: str) -> str:
        now = self._now.by("le", f"{name}_bucket")
        before = self._before.by("le", f"{name}_bucket") if self._before else {}
        moved = {float(le): n - before.get(le, 0.0) for le, n in now.items()}
        return ", ".join(_seconds(quantile(moved, q)) for q in (0.5, 0.99))


def quantile(buckets: dict[float, float], share: float) -> float | None:
    """
    Return a quantile of what cumulative buckets hold, as Prometheus reckons it.

    Evenly spread inside a bucket; the bound below, if it is in the last, endless one;
    ``None`` of nothing.
    """
    bounds = sorted(buckets)
    if not bounds or not buckets[bounds[-1]]:
        return None
    wanted = share * buckets[bounds[-1]]
    low_bound, low_count = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= wanted:
            if bound == float("inf"):
                break
            inside = (wanted - low_count) / max(buckets[bound] - low_count, 1e-9)
            return low_bound + (bound - low_bound) * inside
        low_bound, low_count = bound, buckets[bound]
    return low_bound


def _start(scrape: Scrape) -> float:
    return scrape.total("process_start_time_seconds") or scrape.at_s


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_MAX else f"{name[: _NAME_MAX - 1]}…"


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.2f} s" if value >= 1 else f"{1e3 * value:,.1f} ms"


def _span(seconds: float) -> str:
    whole = max(round(seconds), 0)
    hours, rest = divmod(whole, 3600)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {rest // 60:02} min" if hours else f"{rest // 60}:{rest % 60:02}"


def _bytes(value: float | None) -> str:
    if value is None:
        return "-"
    return (
        f"{value / 2**30:,.2f} GiB" if value >= 2**30 else f"{value / 2**20:,.1f} MiB"
    )
