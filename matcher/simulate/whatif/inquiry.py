"""A study with its results in numbers, each variant held against the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from matcher.simulate.whatif.course import Course
from matcher.simulate.whatif.difference import (
    Difference,
    ItemDifference,
    compare,
    item_differences,
)
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.study import Study
from matcher.simulate.whatif.tally import Dimension, Groups, Tally, tally

#: The name of what was decided.
AS_IT_HAPPENED = "as it happened"

#: The name of the variant of what was in force.
IN_FORCE = "in force"

#: How the figures are to be read.
METHODS = (
    "Savings are estimates: the ordinary ways of return and order by the policy's cost "
    "model, less the label. Only one of the two ways is gone.\n"
    "A caller does with a match what it did with its own match of that return, as long "
    "after; without one, it confirms at once.\n"
    "Rounds take no time.\n"
    "Guardrails pause by what becomes of a variant's own matches. An outcome counts "
    "where the return goes to the same buyer as in fact, when it was recorded, or with "
    "the hand-over if that is later; that of any other match is not known and counts "
    "for nothing. Pauses of operators and their ends are as recorded; a pause that "
    "nobody ended in fact lasts.\n"
    "Intervals hold 95 %: of shares by Wilson's score, of means by the normal "
    "approximation, over return items taken as independent."
)


@dataclass(frozen=True, slots=True)
class Result:
    """
    One variant in numbers.

    Parameters
    ----------
    name, values
        Of the variant.
    total, groups
        Counts, in all and by group.
    course
        All of it.
    difference
        Against the first result; ``None`` for that itself.
    """

    name: str
    values: Mapping[str, str]
    total: Tally
    groups: tuple[tuple[Dimension, str, Tally], ...]
    course: Course
    difference: Difference | None


@dataclass(slots=True)
class Inquiry:
    """
    Runs a study, and counts.

    Parameters
    ----------
    facts
        What happened.
    study
        The variants; the first is what the others are held against, unless there is
        something that was decided in fact.
    groups
        What results are given by.
    happened
        Makes what was decided of the course under what was in force, the first variant.
    values
        Values of swept fields, by the name of the variant.
    """

    facts: Facts
    study: Study
    groups: Groups
    happened: Callable[[Course], Course] | None = None
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _first: Course | None = None

    def results(self) -> Iterator[Result]:
        """Yield a result for what was decided, if that is known, and each variant."""
        for variant, course in self.study.run():
            if self._first is None and self.happened is not None:
                yield self._result(AS_IT_HAPPENED, self.happened(course))
            yield self._result(variant.name, course)

    def differences(self, result: Result) -> Iterator[ItemDifference]:
        """Yield the items that end otherwise than in the first result."""
        assert self._first is not None, "a result has been given"
        if result.course is not self._first:
            yield from item_differences(self.facts, self._first, result.course)

    def _result(self, name: str, course: Course) -> Result:
        difference = None
        if self._first is None:
            self._first = course
        else:
            difference = compare(self.facts, self._first, course)
        return Result(
            name=name,
            values=self.values.get(name, {}),
            total=tally(self.facts, course),
            groups=tuple(self.groups.tallies(self.facts, course)),
            course=course,
            difference=difference,
        )
