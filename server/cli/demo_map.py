"""A picture of the demo: cells of demand, returns, buyers, links, warehouses."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from h3.api import basic_int as h3

from matcher.simulate.scenario import Scenario
from nearturn.v1 import decision_pb2

_WIDE_RESOLUTION = 3
_NEAR_RESOLUTION = 6
_NEAR_DEGREES = 0.32
_INK = "#22313f"


def draw_map(
    scenario: Scenario, decisions: Sequence[decision_pb2.Decision], path: Path
) -> bool:
    """
    Draw the country and the neighbourhood with the most matches.

    Returns
    -------
    bool
        Whether there is a picture: not where matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return False
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    links = _links(scenario, decisions)
    figure, (wide, near) = plt.subplots(1, 2, figsize=(17, 8), layout="constrained")
    places = np.array([(d.location.lat, d.location.lng) for d in scenario.demands])
    _draw_cells(wide, places, _WIDE_RESOLUTION)
    _draw_warehouses(wide, scenario)
    _draw_links(wide, links, 0.7)
    wide.legend(loc="lower left", framealpha=0.9)
    wide.set_title(f"Open orders by H3 cell, warehouses, {len(links):,} matches")
    _fit(wide, places)
    centre = _busiest(links, places)
    inside = (np.abs(places - centre) < 1.5 * _NEAR_DEGREES).all(axis=1)
    _draw_cells(near, places[inside], _NEAR_RESOLUTION)
    _draw_links(near, links, 1.0)
    near.set_title("The busiest neighbourhood: each return with its buyer")
    _window(near, centre)
    near.legend(loc="lower left", framealpha=0.9)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return True


def _links(
    scenario: Scenario, decisions: Sequence[decision_pb2.Decision]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    # Latitude and longitude of the return, then of the buyer, a row per match.
    returns = {str(item.return_id): item.location for item in scenario.return_items}
    buyers = {str(demand.demand_id): demand.location for demand in scenario.demands}
    rows = [
        (
            *_place(returns[decision.return_id]),
            *_place(buyers[decision.match.demand_id]),
        )
        for decision in decisions
        if decision.outcome == decision_pb2.OUTCOME_MATCHED
    ]
    return np.array(rows, np.float64).reshape(-1, 4)


def _place(location: Any) -> tuple[float, float]:
    return location.lat, location.lng


def _draw_cells(axes: Any, places: Any, resolution: int) -> None:
    from matplotlib.collections import PolyCollection  # noqa: PLC0415

    counts = Counter(h3.latlng_to_cell(lat, lng, resolution) for lat, lng in places)
    shapes = [[(lng, lat) for lat, lng in h3.cell_to_boundary(cell)] for cell in counts]
    cells = PolyCollection(
        shapes, cmap="Blues", edgecolors="white", linewidths=0.4, alpha=0.55
    )
    cells.set_array(np.log10(np.array(list(counts.values()), np.float64)))
    axes.add_collection(cells)
    bar = axes.figure.colorbar(cells, ax=axes, shrink=0.6)
    bar.set_label("open orders per cell (log10)")


def _draw_links(axes: Any, links: Any, width: float) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415

    lines = [[(b, a), (d, c)] for a, b, c, d in links]
    axes.add_collection(LineCollection(lines, colors=_INK, linewidths=width, alpha=0.6))
    axes.scatter(links[:, 1], links[:, 0], s=9, c="#d35400", label="return", zorder=3)
    axes.scatter(links[:, 3], links[:, 2], s=9, c="#1e8449", label="buyer", zorder=3)


def _draw_warehouses(axes: Any, scenario: Scenario) -> None:
    places = np.array([_place(w.location) for w in scenario.warehouses]).reshape(-1, 2)
    axes.scatter(
        places[:, 1],
        places[:, 0],
        marker="s",
        s=70,
        c="#7d3c98",
        edgecolors="white",
        label="warehouse",
        zorder=4,
    )


def _busiest(links: Any, places: Any) -> Any:
    # Centre of the cell with the most matches; of demand if there is none.
    starts = links[:, :2] if len(links) else places
    counts = Counter(h3.latlng_to_cell(lat, lng, 4) for lat, lng in starts)
    cell = min(counts, key=lambda each: (-counts[each], each))
    near = [p for p in starts if h3.latlng_to_cell(p[0], p[1], 4) == cell]
    return np.median(np.array(near), axis=0)


def _fit(axes: Any, places: Any) -> None:
    low, high = np.percentile(places, [0.5, 99.5], axis=0)
    axes.set_xlim(low[1] - 3, high[1] + 3)
    axes.set_ylim(low[0] - 2, high[0] + 2)
    _label(axes, (low[0] + high[0]) / 2)


def _window(axes: Any, centre: Any) -> None:
    axes.set_xlim(centre[1] - _NEAR_DEGREES * 1.25, centre[1] + _NEAR_DEGREES * 1.25)
    axes.set_ylim(centre[0] - _NEAR_DEGREES, centre[0] + _NEAR_DEGREES)
    _label(axes, centre[0])


def _label(axes: Any, lat: float) -> None:
    axes.set_aspect(1.0 / max(0.1, np.cos(np.radians(lat))))
    axes.set_xlabel("longitude")
    axes.set_ylabel("latitude")
