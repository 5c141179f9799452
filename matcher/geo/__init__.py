"""Places, distances, H3 cells and service areas; imports the domain only."""

from matcher.geo.cells import cells_of, cover, reach_m
from matcher.geo.service_area import ServiceAreas, check_service_area
from matcher.geo.sphere import distance_m, distance_table_m, unit_vectors
from matcher.geo.sphere_kernel import EARTH_RADIUS_M

__all__ = [
    "EARTH_RADIUS_M",
    "ServiceAreas",
    "cells_of",
    "check_service_area",
    "cover",
    "distance_m",
    "distance_table_m",
    "reach_m",
    "unit_vectors",
]
