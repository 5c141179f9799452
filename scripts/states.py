"""
Write the tables of states and moves into docs/STATES.md.

The tables are those that the engine asks before each move. What stands outside the two
marks in the document is written by hand and left alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matcher.domain.lifecycle import DEMANDS, HOLDS, LABELS, RETURNS, UNITS
from matcher.domain.state_machine import Move, StateMachine

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "STATES.md"
START = "<!-- tables: made by scripts/states.py -->"
END = "<!-- end of tables -->"

_TITLES = (
    ("Return items", RETURNS),
    ("Demands", DEMANDS),
    ("Units of a demand", UNITS),
    ("Holds of matches", HOLDS),
    ("Labels of matches", LABELS),
)


def tables() -> str:
    """Return all tables as Markdown."""
    return "\n\n".join(_section(title, machine) for title, machine in _TITLES)


def written(document: str) -> str:
    """Return a document with its tables made anew."""
    before, _, rest = document.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{tables()}\n\n{END}{after}"


def _section(title: str, machine: StateMachine[Any]) -> str:
    rows = [_row(each, machine.kind) for each in machine.moves]
    head = ["| from | trigger | to |", "|---|---|---|"]
    return "\n".join([f"### {title}", "", *head, *rows])


def _row(move: Move[Any], kind: str) -> str:
    before = move.before.name if move.before else f"(no {kind})"
    after = ", ".join(each.name for each in move.after)
    return f"| {before} | {move.trigger.name}: {move.trigger.value} | {after} |"


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
