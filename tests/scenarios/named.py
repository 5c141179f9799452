"""Tiny named inputs; each docstring draws what lies where."""

from __future__ import annotations

from matcher.engine.snapshot import Snapshot
from tests.scenarios.entities import demand, return_item, service_area, warehouse


def two_items_one_buyer() -> Snapshot:
    """
    Two items want one unit; the nearer one saves more.

    ::

        r1 ----- 2 km ----- d1 -- 1 km -- r2
    """
    return Snapshot(
        (return_item("r1", 0), return_item("r2", 3_000)), (demand("d1", 2_000),)
    )


def chain() -> Snapshot:
    """
    Take the nearest first, and one buyer goes without.

    ::

        r1 -------- 30 km -------- d1 -- 1 km -- r2 -------- 30 km -------- d2

    Within 50 km, r1 reaches d1 only and r2 reaches both. Greedy gives d1 to r2 and
    nothing to r1; the optimum gives r1 d1 and r2 d2.
    """
    return Snapshot(
        (return_item("r1", 0), return_item("r2", 31_000)),
        (demand("d1", 30_000), demand("d2", 61_000)),
    )


def one_place() -> Snapshot:
    """
    Every distance is zero and every saving equal: ties all over.

    ::

        r1 r2 r3 d1 d2   (one postal centroid)
    """
    return Snapshot(
        tuple(return_item(f"r{number}") for number in (1, 2, 3)),
        (demand("d1"), demand("d2")),
    )


def just_within() -> Snapshot:
    """
    One buyer exactly on the circle, one a metre beyond it.

    ::

        d2 ------ 50,001 m ------ r2      r1 ------ 50,000 m ------ d1
    """
    return Snapshot(
        (return_item("r1", 0), return_item("r2", -1_000_000)),
        (demand("d1", 50_000), demand("d2", -1_050_001)),
    )


def nobody_near() -> Snapshot:
    """
    Put the only buyer of r1 across the sea, and none anywhere for r2.

    ::

        r1 ~~~~~~~~~ 400 km ~~~~~~~~~ d1      r2 (sku "coat")
    """
    return Snapshot(
        (return_item("r1"), return_item("r2", sku="coat")), (demand("d1", 400_000),)
    )


def full_warehouse() -> Snapshot:
    """
    Three items and nobody who wants one; the near warehouse takes one a day.

    ::

        w1 (1 a day) - r1 r2 r3 ----- 100 km ----- w2 (1 a day)

    One goes to each, and the third to the near one all the same, flagged.
    """
    return Snapshot(
        tuple(return_item(f"r{number}") for number in (1, 2, 3)),
        (),
        (
            warehouse("w1", 0, daily_capacity=1),
            warehouse("w2", 100_000, daily_capacity=1),
        ),
    )


def border() -> Snapshot:
    """
    Run the programme between 10 km west and 10 km east of home.

    ::

               |              d1       |
        r2     |      r1               |  d2
               |-10 km            10 km |
    """
    return Snapshot(
        (return_item("r1", 0), return_item("r2", -20_000)),
        (demand("d1", 9_000), demand("d2", 11_000)),
        service_areas=(service_area(),),
    )
