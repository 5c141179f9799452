"""Scenario generator: seeded demand, returns, warehouses; imports all of matcher."""

from matcher.simulate.cities import City, Region
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import Scenario, generate

__all__ = ["City", "Region", "Scenario", "ScenarioParams", "generate"]
