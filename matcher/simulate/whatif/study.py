"""Several variants over one timeline, with all that they share made once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np

from matcher.domain.policy import CostModel, MatchKey, Policy
from matcher.engine.network import Network
from matcher.simulate.whatif.course import Course
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.gate_table import GateTable, gate_view
from matcher.simulate.whatif.guard import Guard
from matcher.simulate.whatif.life import Life
from matcher.simulate.whatif.near import Near
from matcher.simulate.whatif.pairs import Pairs, find_pairs
from matcher.simulate.whatif.prices import Prices, price
from matcher.simulate.whatif.rounds import due_rounds
from matcher.simulate.whatif.terms import Terms, terms_of
from matcher.simulate.whatif.timeline import Setting
from matcher.simulate.whatif.watch import RoundWatch

#: Prices of all pairs that are kept at once, one for each cost model and network.
_PRICES_MAX = 4

#: Told of a stage by name, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Variant:
    """A policy to try, by name; ``None`` is whatever was in force, as it changed."""

    name: str
    policy: Policy | None = None


class Study:
    """
    Lives a timeline under several variants.

    Pairs are found once, within the widest radius that any variant opens, and gates are
    asked once for all variants that ask the same of an item.

    Parameters
    ----------
    facts
        What happened.
    variants
        What to try.
    threads
        Variants that are lived side by side; without influence on any course.
    progress
        Told how far it is.
    pulse
        Called again and again, from any thread; may raise to end it all.
    """

    def __init__(
        self,
        facts: Facts,
        variants: Sequence[Variant],
        *,
        threads: int = 1,
        progress: Progress = lambda *_: None,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        self._facts = facts
        self._variants = tuple(variants)
        self._threads = threads
        self._progress = progress
        self._pulse = pulse
        self._by_policy = self._changes_rounds()
        self._pairs = self._found_pairs()
        self._near = Near.of(self._pairs, len(facts.orders.unit))
        self._prices: dict[tuple[CostModel, int], Prices] = {}
        self._pricing = Lock()
        self._gates = self._asked_gates()

    @property
    def rounds_by_policy(self) -> bool:
        """
        Whether rounds begin as each policy says, and not when they were recorded.

        So it is as soon as one variant closes rounds otherwise than what was in force.
        """
        return self._by_policy

    @property
    def pair_count(self) -> int:
        """Pairs within the widest radius that meet in time."""
        return len(self._pairs.row)

    def run(self) -> Iterator[tuple[Variant, Course]]:
        """Yield the course of each variant, in their order."""
        count = len(self._variants)
        with ThreadPoolExecutor(self._threads) as pool:
            # A few at a time: each holds the pairs within its own radius.
            for start in range(0, count, self._threads):
                some = self._variants[start : start + self._threads]
                for done, (variant, course) in enumerate(
                    zip(some, pool.map(self._course, some), strict=True), start + 1
                ):
                    self._progress("variants", done, count)
                    yield variant, course

    def _course(self, variant: Variant) -> Course:
        known: dict[tuple[int, int], Terms] = {}

        def of_setting(setting: Setting) -> Terms | None:
            policy = variant.policy or setting.policy
            if policy is None:
                return None
            key = id(policy), id(setting.network)
            if key not in known:
                gates = self._gates[gate_view(policy)]
                prices = self._prices_of(policy.cost_model, setting.network)
                known[key] = terms_of(
                    self._facts, self._pairs, prices, gates, policy, setting.network
                )
            return known[key]

        facts, policy = self._facts, variant.policy
        guard = Guard(facts.timeline, self._policies_of(variant))
        if not self._by_policy or policy is None:
            life = Life(facts, self._near, of_setting, guard, pulse=self._pulse)
            return life.run(facts.timeline.rounds)
        watch = RoundWatch(facts.timeline.start_us, facts.limits.round_lead_us)
        life = Life(
            facts, self._near, of_setting, guard, watch=watch, pulse=self._pulse
        )
        return life.run(due_rounds(facts, policy, life, watch))

    def _policies(self) -> list[Policy]:
        found = [each.policy for each in self._variants if each.policy is not None]
        if len(found) < len(self._variants):
            settings = self._facts.timeline.settings
            found += [each.policy for each in settings if each.policy is not None]
        return found

    def _policies_of(self, variant: Variant) -> list[Policy]:
        settings = self._facts.timeline.settings
        found = [variant.policy or each.policy for each in settings]
        return [each for each in found if each is not None]

    def _changes_rounds(self) -> bool:
        clocks = {
            (policy.round_interval_us, policy.round_size)
            for each in self._facts.timeline.settings
            if (policy := each.policy) is not None
        }
        return not self._facts.timeline.rounds or any(
            (each.policy.round_interval_us, each.policy.round_size) not in clocks
            for each in self._variants
            if each.policy is not None and clocks
        )

    def _found_pairs(self) -> Pairs:
        reach: dict[MatchKey, dict[str, int]] = defaultdict(dict)
        for policy in self._policies():
            for rule in policy.categories:
                of_key = reach[rule.match_key]
                widest = max(of_key.get(rule.category, 0), rule.radius_m)
                of_key[rule.category] = widest
        total = len(reach) * len(self._facts.items.items)
        return find_pairs(
            self._facts.timeline,
            reach,
            threads=self._threads,
            step=self._stepper("pairs", total),
        )

    def _prices_of(self, model: CostModel, network: Network) -> Prices:
        key = model, id(network)
        with self._pricing:
            found = self._prices.get(key)
            if found is None:
                if len(self._prices) >= _PRICES_MAX:
                    self._prices.clear()
                found = price(self._facts, self._pairs, model, network)
                self._prices[key] = found
            return found

    def _stepper(self, stage: str, total: int) -> Callable[[int], None]:
        done = 0

        def step(count: int) -> None:
            nonlocal done
            done += count
            self._pulse()
            self._progress(stage, done, total)

        return step

    def _asked_gates(self) -> dict[Policy, GateTable]:
        facts = self._facts
        items = facts.items
        views = {gate_view(policy): policy for policy in self._policies()}
        step = self._stepper("gates", len(views) * len(items.items))
        found: dict[Policy, GateTable] = {}
        for view, policy in views.items():
            table = GateTable(facts.tenant, policy, items.items, items.created_us)
            for rows, setting in self._arrivals_by_setting():
                table.first_looks(rows, facts.served(setting.network)[0], step)
            found[view] = table
        return found

    def _arrivals_by_setting(self) -> Iterator[tuple[np.ndarray, Setting]]:
        # Which items came in under which setting.
        settings = self._facts.timeline.settings
        starts = [each.order for each in settings]
        at = np.searchsorted(starts, self._facts.items.order, side="left") - 1
        for number, setting in enumerate(settings):
            rows = np.nonzero((at == number) & (self._facts.items.order > 0))[0]
            if len(rows):
                yield rows, setting
