"""What must hold of outcomes, and of the guardrails that count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from matcher.domain.guardrail import GuardrailMetric
from matcher.domain.program import Pause, ProgramEventKind
from matcher.engine.changes import Changes
from tests.simulation.reference_model import ReferenceModel


def check_outcomes(
    fresh: Changes, rows: Changes, pauses: Iterable[Pause], model: ReferenceModel
) -> None:
    """Check that what was said stands, and that guardrails count and pause as told."""
    for return_id, record in fresh.returns.items():
        said, noted = model.parcels[return_id].said, record.outcome_record
        assert (noted.outcome if noted else None) == (said.outcome if said else None)
    assert {pause.category for pause in pauses} == model.paused
    kinds = Counter(event.kind for event in rows.program_events)
    assert kinds[ProgramEventKind.GUARDRAIL_TRIPPED] == model.tripped
    _check_tallies(rows, model)


def _check_tallies(rows: Changes, model: ReferenceModel) -> None:
    expected: Counter[tuple[str, GuardrailMetric, int]] = Counter()
    bad: Counter[tuple[str, GuardrailMetric, int]] = Counter()
    for tally in model.watch.tallies:
        if not tally.is_gone:
            key = (tally.category, tally.metric, tally.day)
            expected[key] += 1
            bad[key] += tally.is_bad
    days = rows.guardrail_days
    counted = {key: row.total_count for key, row in days.items() if row.total_count}
    assert counted == dict(expected)
    assert {k: r.bad_count for k, r in days.items() if r.bad_count} == dict(+bad)
