"""Warehouse routing of what stays unmatched; imports the domain's errors only."""

from matcher.routing.route import Routing, RoutingProblem, route, warm_up

__all__ = ["Routing", "RoutingProblem", "route", "warm_up"]
