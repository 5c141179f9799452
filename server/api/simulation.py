"""SimulatePolicy: what policies would have done, told piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from matcher.domain.errors import InvalidValueError, NotFoundError
from matcher.domain.ids import TenantId
from matcher.domain.instant import utc_text
from matcher.domain.match import Match
from matcher.domain.policy import Policy
from matcher.engine.records import PolicyRecord, ReturnRecord
from matcher.engine.snapshot import Snapshot
from matcher.simulate import ScenarioParams, generate
from matcher.simulate.whatif.course import Course
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.happened import as_of, happened
from matcher.simulate.whatif.inquiry import IN_FORCE
from matcher.simulate.whatif.recording import timeline_of
from matcher.simulate.whatif.study import Variant
from matcher.simulate.whatif.timeline import Timeline
from matcher.simulate.whatif.unfolding import over_days
from nearturn.v1 import policy_pb2
from nearturn.v1 import simulation_pb2 as pb
from server.api.context import within
from server.api.convert.policy import from_policy, to_policy
from server.api.convert.times import optional_us, to_us
from server.api.policy_sweep import swept
from server.api.program_log import program_log
from server.api.simulation_telling import Terms, Trial, tell
from server.runtime.emitter import Outlet
from server.storage.store import Store

ZONE_RESOLUTION = 5
GROUP_COUNT = 50

_ITEMS_PER_SKU = 20
_CITY_COUNT = 25
_DAY_US = 86_400_000_000
_SPAN_US = 30 * _DAY_US
_ROUND_US = _DAY_US // 4


class Simulation:
    """
    One request, carried out on a thread of its own.

    Parameters
    ----------
    tenant
        Whose history and policies.
    request
        What is asked.
    now_us
        Until when there is a history.
    threads
        Variants that are lived side by side.
    """

    def __init__(
        self,
        tenant: TenantId,
        request: pb.SimulatePolicyRequest,
        *,
        now_us: int,
        threads: int,
    ) -> None:
        self._tenant = tenant
        self._request = request
        self._now_us = now_us
        self._threads = threads
        # Events of the program before the start.
        self._told_count = 0

    def run(self, store: Store, outlet: Outlet[pb.SimulatePolicyResponse]) -> None:
        """Read, live, count and tell."""
        progress = pb.SimulationProgress(stage="history")
        outlet.emit(pb.SimulatePolicyResponse(progress=progress))
        trial = self._trial(store)
        matches: list[Match] | None = None
        if self._is_recorded:
            timeline, matches = self._recorded(store)
        else:
            timeline = self._generated(trial.variants[0].policy)
        facts = Facts(self._tenant, timeline)
        terms = Terms(
            threads=self._threads,
            zone_resolution=self._request.zone_resolution or ZONE_RESOLUTION,
            group_count_max=self._request.group_count_max or GROUP_COUNT,
            with_differences=self._request.with_differences,
            with_rounds=self._request.with_rounds,
        )
        tell(outlet, facts, trial, terms, self._happened(store, facts, matches))

    @property
    def _is_recorded(self) -> bool:
        return self._request.WhichOneof("source") == "recorded"

    # --- What is tried -----------------------------------------------------------

    def _trial(self, store: Store) -> Trial:
        request = self._request
        names = [each.name for each in request.variants]
        for index, name in enumerate(names):
            if name in names[:index] or name == IN_FORCE:
                raise InvalidValueError(
                    f"variants[{index}].name", name, "a name of its own"
                )
        messages = [self._message(store, each) for each in request.variants]
        variants = [
            Variant(name, within(f"variants[{index}].policy", to_policy, message))
            for index, (name, message) in enumerate(zip(names, messages, strict=True))
        ]
        values: dict[str, dict[str, str]] = {}
        for at, policy in self._swept(store, messages):
            name = ", ".join(f"{path}={value}" for path, value in at.items())
            values[name] = at
            variants.append(Variant(name, policy))
        if self._is_recorded:
            variants.insert(0, Variant(IN_FORCE))
        if not variants:
            raise InvalidValueError(
                "variants", "none", "at least one for a drawn market"
            )
        return Trial(tuple(variants), values)

    def _swept(
        self, store: Store, messages: list[policy_pb2.Policy]
    ) -> Iterator[tuple[dict[str, str], Policy]]:
        sweeps = [(each.path, list(each.values)) for each in self._request.sweeps]
        if not sweeps:
            return
        base = messages[0] if messages else _active(store, self._tenant)
        yield from swept(base, sweeps)

    def _message(self, store: Store, variant: pb.PolicyVariant) -> policy_pb2.Policy:
        if variant.WhichOneof("target") == "policy":
            return variant.policy
        record = store.policy(self._tenant, variant.version)
        if record is None:
            raise NotFoundError("policy", str(variant.version or "active"))
        return from_policy(record)

    # --- What is lived -----------------------------------------------------------

    def _recorded(self, store: Store) -> tuple[Timeline, list[Match]]:
        period = self._request.recorded
        from_us = to_us(period, "start_time")
        stated_us = optional_us(period, "end_time")
        until_us = self._now_us if stated_us is None else min(stated_us, self._now_us)
        if until_us <= from_us:
            raise InvalidValueError(
                "recorded.start_time",
                utc_text(from_us),
                f"before the end, {utc_text(until_us)}",
            )
        history = store.history(self._tenant)
        start = history.start(from_us)
        if start.at_us > from_us:
            raise NotFoundError("history before", utc_text(start.at_us))
        # Before the matches: of those that entries tell of, none is missing then.
        end = history.entry_count()
        # Those that were held at the start, as they stand now.
        archive = store.archive(self._tenant)
        held = [archive.match(each.match_id) for each in start.rows.matches]
        matches = [each for each in held if each is not None]
        matches += history.matches(start.rows.match_count)
        program = start.rows.program
        self._told_count = program.event_count if program else 0
        timeline = timeline_of(
            self._tenant,
            start,
            history.entries(start.entry_count, until_us, end),
            matches,
            end_us=until_us,
            count_from_us=from_us,
        )
        return timeline, matches

    def _generated(self, policy: Policy | None) -> Timeline:
        asked = self._request.generated
        rng = np.random.default_rng(asked.seed)
        params = ScenarioParams(
            country=asked.country_code,
            city_count=asked.city_count or _CITY_COUNT,
            demand_count=asked.demand_count,
            return_count=asked.return_count,
            sku_count=asked.sku_count or max(1, asked.return_count // _ITEMS_PER_SKU),
        )
        # At an instant of its own, so that the same request draws the same market.
        now_us = _SPAN_US
        drawn = generate(params, rng, now_us)
        return over_days(
            Snapshot(drawn.return_items, drawn.demands, drawn.warehouses),
            policy,
            rng,
            now_us=now_us,
            span_us=to_us(asked, "span") or _SPAN_US,
            round_us=to_us(asked, "round_interval") or _ROUND_US,
        )

    def _happened(
        self, store: Store, facts: Facts, matches: list[Match] | None
    ) -> Callable[[Course], Course] | None:
        if matches is None:
            return None
        by_id = {each.match_id: each for each in matches}
        end_us = facts.timeline.end_us

        def at_the_end(record: ReturnRecord) -> ReturnRecord:
            if record.updated_us < end_us:
                return record
            decisions = store.decisions_of(self._tenant, record.item.return_id)
            return as_of(record, decisions, by_id, end_us)

        def told(lived: Course) -> Course:
            ids = [item.return_id for item in facts.items.items]
            stored = store.archive(self._tenant).returns(ids)
            records = {each: at_the_end(record) for each, record in stored.items()}
            events = program_log(store, self._tenant, after_number=self._told_count)
            return happened(facts, records, by_id, lived, events)

        return told


def _active(store: Store, tenant: TenantId) -> policy_pb2.Policy:
    record: PolicyRecord | None = store.policy(tenant, 0)
    if record is None:
        raise NotFoundError("policy", "active")
    return from_policy(record)
