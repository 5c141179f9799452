"""Results as JSON, and as tables in Markdown."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.result import Result, Skipped

_PACKAGES = (
    "numpy",
    "numba",
    "scipy",
    "ortools",
    "pylmcf",
    "lap",
    "scikit-learn",
    "duckdb",
    "h3",
)


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, cores and versions."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": found,
    }


def write_json(
    path: Path, about: dict[str, Any], results: Iterable[Result | Skipped]
) -> None:
    """Write all that was found, with what it was found on."""
    kept = list(results)
    document = {
        "about": about,
        "results": [asdict(each) for each in kept if isinstance(each, Result)],
        "skipped": [asdict(each) for each in kept if isinstance(each, Skipped)],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def markdown(about: dict[str, Any], results: Iterable[Result | Skipped]) -> str:
    """Return the tables, a heading for each family."""
    kept = list(results)
    found = [each for each in kept if isinstance(each, Result)]
    lines = ["# Benchmarks", "", _sentence(about), ""]
    for family, of_family in groupby(found, key=lambda each: each.family):
        rows = list(of_family)
        lines += [f"## {family}", ""]
        if any(each.ratio is not None for each in rows):
            lines += [*_against_the_fastest(rows), "", "All ways:", ""]
        lines += [*_table(rows), ""]
    skipped = [each for each in kept if isinstance(each, Skipped)]
    if skipped:
        lines += ["## Left out", ""]
        lines += [f"- {each.family}, {each.way}: {each.why}" for each in skipped]
        lines.append("")
    return "\n".join(lines)


def _sentence(about: dict[str, Any]) -> str:
    packages = ", ".join(f"{k} {v}" for k, v in about["packages"].items())
    return (
        f"Profile {about['profile']}, seed {about['seed']}, {about['repetitions']} "
        f"repetitions, {about['threads']} threads, {about['cores']} cores of "
        f"{about['processor']}, Python {about['python']}, {packages}. Medians; the "
        "ratio is a peer's time over ours."
    )


def _against_the_fastest(results: list[Result]) -> list[str]:
    # The ratio that counts: to the fastest peer on each input.
    lines = [
        "| case | ours, s | fastest peer | its s | ratio |",
        "|---|---:|---|---:|---:|",
    ]
    for case, of_case in groupby(results, key=lambda each: each.case):
        rows = list(of_case)
        ours = next(each for each in rows if each.ratio is None)
        peers = [each for each in rows if each.ratio is not None]
        if peers:
            best = min(peers, key=lambda each: each.seconds)
            lines.append(
                f"| {case} | {ours.seconds:.3g} | {best.way} | {best.seconds:.3g} "
                f"| {best.ratio:.1f} |"
            )
    return lines


def _table(results: list[Result]) -> list[str]:
    names = list(dict.fromkeys(name for each in results for name in each.numbers))
    has_peers = any(each.ratio is not None for each in results)
    heads = ["case", "way", "seconds"]
    heads += ["ratio", "MiB"] if has_peers else []
    heads += [name for name in names if name != "saving_micros"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * 2}{'---:|' * (len(heads) - 2)}"]
    for each in results:
        cells = [each.case, each.way, f"{each.seconds:.3g}"]
        if has_peers:
            cells.append("" if each.ratio is None else f"{each.ratio:.1f}")
            cells.append("" if each.peak_mib is None else f"{each.peak_mib:,.0f}")
        for name in names:
            if name != "saving_micros":
                value = each.numbers.get(name)
                cells.append("" if value is None else _number(value))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
