"""The page of metrics says what the registry holds."""

from __future__ import annotations

from scripts.metrics import DOCUMENT, END, START, described, written


def test_table_is_that_of_the_registry() -> None:
    """Making docs/METRICS.md anew with `scripts/metrics.py` changes nothing."""
    document = DOCUMENT.read_text(encoding="utf-8")
    assert document.count(START) == document.count(END) == 1
    assert written(document) == document


def test_names_are_as_prometheus_wants_them() -> None:
    """Each has our prefix, seconds and bytes as units, and a sentence."""
    for each in described():
        assert each.name.startswith("nearturn_"), each
        assert not each.name.endswith(("_ms", "_us", "_count", "_sum")), each
        assert each.text.endswith("."), each


def test_labels_are_sets_that_are_known() -> None:
    """No metric has a label of which callers could make as many values as they like.

    Tenants are those of the settings, which allow so many and no more.
    """
    known = {"method", "code", "outcome", "reason", "stage", "tenant", "version"}
    assert {label for each in described() for label in each.labels} == known
