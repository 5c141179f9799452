"""Pictures of the density sweeps and of the windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.result import Result

# What is drawn of each sweep, with the label of its axis.
_DRAWN = (
    ("seconds", "time, s"),
    ("match_rate", "matched, share of returns"),
    ("mean_distance_m", "mean distance, m"),
    ("greedy_gap", "saving that greedy misses, share"),
)


def draw(folder: Path, results: Sequence[Result]) -> list[Path]:
    """
    Draw what there is to draw; return the files.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - optional

    sweeps: dict[str, list[tuple[float, Result]]] = {}
    for each in results:
        if each.family == "density":
            name, _, value = each.case.rpartition(" = ")
            sweeps.setdefault(name, []).append((float(value), each))
    written = []
    for name, points in sweeps.items():
        figure = Figure(figsize=(10, 6.5), layout="constrained")
        for axes, (number, label) in zip(
            figure.subplots(2, 2).flat, _DRAWN, strict=True
        ):
            values = [
                each.seconds if number == "seconds" else each.numbers[number]
                for _, each in points
            ]
            axes.plot([value for value, _ in points], values, marker="o")
            # Densities and SKUs go over decades, shares do not.
            if points[-1][0] > 20 * max(points[0][0], 0.05):
                axes.set_xscale("log")
            axes.set_ylim(bottom=0)
            axes.set_xlabel(name)
            axes.set_ylabel(label)
            axes.grid(visible=True, alpha=0.3)
        figure.suptitle(f"What {name} does, all else being equal")
        written.append(
            folder / f"density-{name.replace(', ', '-').replace(' ', '-')}.png"
        )
        figure.savefig(written[-1], dpi=110)
    return written
