"""
Write the table of metrics into docs/METRICS.md.

It is read off the registry that the server keeps. What stands outside the two marks in
the document is written by hand and left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from server.telemetry.metrics import Metrics
from server.telemetry.state_collector import StateCollector

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "METRICS.md"
START = "<!-- table: made by scripts/metrics.py -->"
END = "<!-- end of table -->"


@dataclass(frozen=True, slots=True)
class Described:
    """A metric of ours: its name as it is scraped, and what it says."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


def described() -> list[Described]:
    """Return every metric of ours, those of the process and interpreter left aside."""
    metrics = Metrics(lambda: None, "0")
    found = []
    for each in vars(metrics).values():
        if isinstance(each, MetricWrapperBase):
            (family,) = each.describe()
            # The library keeps the names of the labels to itself.
            labels = tuple(each._labelnames)  # noqa: SLF001
            suffix = "_total" if family.type == "counter" else ""
            name = family.name + suffix
            found.append(Described(name, family.type, labels, family.documentation))
    found += [
        Described(family.name, family.type, (), family.documentation)
        for family in StateCollector(lambda: None).describe()
    ]
    return sorted(found, key=lambda each: each.name)


def table() -> str:
    """Return the table as Markdown."""
    head = ["| metric | kind | labels | what it says |", "|---|---|---|---|"]
    return "\n".join([*head, *map(_row, described())])


def written(document: str) -> str:
    """Return a document with its table made anew."""
    before, _, rest = document.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{table()}\n\n{END}{after}"


def _row(each: Described) -> str:
    labels = ", ".join(f"`{label}`" for label in each.labels) or "-"
    return f"| `{each.name}` | {each.kind} | {labels} | {each.text} |"


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
