"""Places, distances, H3 cells and service areas; imports the domain only."""

from matcher.geo.cells import (
    cell_centres,
    cell_texts,
    latlng_to_cells,
    parent_cells,
)
from matcher.geo.cover import cover, reach_m
from matcher.geo.service_area import ServiceAreas, check_service_area
from matcher.geo.sphere import (
    checked_places,
    chord_bound,
    distance_m,
    distance_table_m,
    unit_vectors,
)
from matcher.geo.sphere_kernel import EARTH_RADIUS_M

__all__ = [
    "EARTH_RADIUS_M",
    "ServiceAreas",
    "cell_centres",
    "cell_texts",
    "check_service_area",
    "checked_places",
    "chord_bound",
    "cover",
    "distance_m",
    "distance_table_m",
    "latlng_to_cells",
    "parent_cells",
    "reach_m",
    "unit_vectors",
]
