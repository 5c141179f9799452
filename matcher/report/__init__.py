"""
What came of it all: rollout reports, demand density, marginal prices.

Pure: counts in, shares and intervals out. Imports domain, geo, policy and engine.
"""
