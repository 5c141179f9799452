"""
Small inputs for tests: entities with sane defaults, a store in memory, a driver.

Everything lies on the equator or near it, placed in metres east and north of
latitude 0, longitude 0, so that distances can be read off the call. All defaults
together pass all gates: a test names only what it is about.
"""

from tests.scenarios.entities import (
    DAY_US,
    HOME,
    HOUR_US,
    MINUTE_US,
    NOW_US,
    SECOND_US,
    TENANT,
    at,
    demand,
    demand_record,
    policy,
    return_item,
    rule,
    service_area,
    verification,
    waiting,
    warehouse,
)
from tests.scenarios.memory_store import MemoryStore
from tests.scenarios.running_shard import SIGNED, RunningShard, activation

__all__ = [
    "DAY_US",
    "HOME",
    "HOUR_US",
    "MINUTE_US",
    "NOW_US",
    "SECOND_US",
    "SIGNED",
    "TENANT",
    "MemoryStore",
    "RunningShard",
    "activation",
    "at",
    "demand",
    "demand_record",
    "policy",
    "return_item",
    "rule",
    "service_area",
    "verification",
    "waiting",
    "warehouse",
]
