"""What guardrails count: a list of single tallies, looked through each time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from matcher.domain.guardrail import Guardrail, GuardrailMetric
from matcher.domain.item import Condition
from matcher.domain.item_outcome import Arrival, BuyerResponse, ItemOutcome
from matcher.domain.return_item import ReturnItem
from tests.scenarios import DAY_US


@dataclass
class Tally:
    """One thing that a guardrail counts; ``is_gone`` once it is counted no more."""

    day: int
    category: str
    metric: GuardrailMetric
    is_bad: bool
    is_gone: bool = False


@dataclass
class Said:
    """What was said of an item, and the tallies of it."""

    outcome: ItemOutcome
    tallies: list[Tally] = field(default_factory=list)

    @property
    def metrics(self) -> set[GuardrailMetric]:
        """The shares in which it counts."""
        return {tally.metric for tally in self.tallies}


@dataclass
class Watch:
    """Every tally there ever was."""

    tallies: list[Tally] = field(default_factory=list)

    def note(
        self, item: ReturnItem, said: Said, before: Said | None, now_us: int
    ) -> None:
        """Count an outcome instead of what was said before."""
        for tally in before.tallies if before else ():
            tally.is_gone = True
        for metric, is_bad in _counted(said.outcome, item.condition):
            for scope in ("", item.category):
                said.tallies.append(Tally(now_us // DAY_US, scope, metric, is_bad))
        self.tallies += said.tallies

    def ended(self, categories: Iterable[str], now_us: int, *, is_bad: bool) -> None:
        """Count holds that ended."""
        metric = GuardrailMetric.HOLD_EXPIRED_SHARE
        for category in categories:
            for scope in ("", category):
                self.tallies.append(Tally(now_us // DAY_US, scope, metric, is_bad))

    def forget(self, category: str) -> None:
        """Start anew: the pause of a category has ended."""
        for tally in self.tallies:
            if tally.category == category:
                tally.is_gone = True

    def is_crossed(self, guardrail: Guardrail, now_us: int) -> bool:
        """Return whether a share is too large."""
        first = now_us // DAY_US - guardrail.window_us // DAY_US + 1
        counted = [
            tally.is_bad
            for tally in self.tallies
            if tally.metric is guardrail.metric
            and tally.category == guardrail.category
            and tally.day >= first
            and not tally.is_gone
        ]
        share = guardrail.threshold_basis_points / 10_000
        large = len(counted) >= guardrail.sample_size_min
        return large and sum(counted) / len(counted) > share


def _counted(
    said: ItemOutcome, verified: Condition
) -> list[tuple[GuardrailMetric, bool]]:
    bad = (BuyerResponse.COMPLAINED, BuyerResponse.REFUSED)
    found = []
    if said.response is not BuyerResponse.UNSPECIFIED:
        found.append((GuardrailMetric.COMPLAINT_SHARE, said.response in bad))
    if said.condition is not Condition.UNSPECIFIED:
        found.append((GuardrailMetric.NOT_AS_VERIFIED_SHARE, said.condition < verified))
    if said.arrival is not Arrival.UNSPECIFIED:
        found.append((GuardrailMetric.LOST_SHARE, said.arrival is Arrival.LOST))
    return found
