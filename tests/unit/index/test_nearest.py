"""The nearest of many: scan and tree agree to the slot."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.geo import unit_vectors
from matcher.index import nearest
from matcher.index.nearest import nearest_of


@pytest.mark.parametrize("spread", [180.0, 1.0, 1e-4, 0.0])
def test_tree_and_scan_agree(monkeypatch: pytest.MonkeyPatch, spread: float) -> None:
    """
    600 places over the globe, a town, ten metres and one point, in mixed order.

    A third are copies of others and metres tie all the time; seed 10.
    """
    rng = np.random.default_rng(10)
    lat = 0.4 * rng.uniform(-spread, spread, 600)
    lng = rng.uniform(-spread, spread, 600)
    lat[400:], lng[400:] = lat[:200], lng[:200]
    vectors = unit_vectors(lat, lng)
    slots = rng.permutation(600)
    points = unit_vectors(
        np.append(lat[:20], [90.0, -0.0, -lat[0]]),
        np.append(lng[:20], [0.0, 180.0, np.sign(lng[0]) * -180.0 + lng[0]]),
    )
    by_tree = nearest_of(vectors, slots, points)
    monkeypatch.setattr(nearest, "_TREE_PLACES", 601)
    by_scan = nearest_of(vectors, slots, points)
    assert by_tree[0].tolist() == by_scan[0].tolist()
    assert by_tree[1].tolist() == by_scan[1].tolist()
    assert by_scan[0][:20].max() < 200
