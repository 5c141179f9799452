"""Run all comparisons and print a table: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
from itertools import chain

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.assignment import FAMILIES, assignments
from benchmarks.candidates import PEERS, candidates
from benchmarks.responsiveness import responsiveness
from matcher.engine.warm_up import warm_up

# Rows of each assignment, of each look-up of candidates, and repetitions.
_SIZES = {
    "quick": (20_000, (20_000, 100_000), 3),
    "full": (100_000, (100_000, 1_000_000), 3),
}
_HEALTH_ROWS = 20_000


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--profile",
        choices=_SIZES,
        default="quick",
        help="quick: a minute or two, 20,000 rows; full: half an hour, 100,000 rows "
        "and candidates among a million",
    )
    count, candidate_counts, repetitions = _SIZES[parser.parse_args().profile]
    warm_up()
    table = Table(title="medians; ratio is the peer's time over ours")
    for heading in ("what", "input", "peer", "ours s", "peer s", "ratio"):
        table.add_column(heading, justify="right" if heading[-1] in "so" else "left")
    runs = chain(
        assignments(count, repetitions),
        *(candidates(each, repetitions) for each in candidate_counts),
    )
    total = len(FAMILIES) + len(PEERS) * len(candidate_counts)
    for each in track(runs, "comparing", total=total):
        table.add_row(
            each.name,
            each.size,
            each.peer,
            f"{each.ours_s:.3f}",
            f"{each.peer_s:.3f}",
            f"{each.ratio:.1f}",
        )
    console = Console(width=150)
    console.print(table)
    with console.status("closing a round while health is asked for"):
        found = responsiveness(_HEALTH_ROWS)
    console.print(
        f"health during a round of {found.round_s:.1f} s over {found.return_count:,} "
        f"returns and {found.candidate_count:,} candidates, in ms: "
        f"median {found.percentile_ms(50):.1f}, 99 % {found.percentile_ms(99):.1f}, "
        f"longest {found.percentile_ms(100):.1f} of {len(found.answered_ms):,} checks"
    )


if __name__ == "__main__":
    main()
