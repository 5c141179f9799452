"""Solve one market: the part of a round that needs nothing but its arguments."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.engine.market import Market
from matcher.solve import Assignment, assign, check_certificate


@dataclass(frozen=True, slots=True)
class SolvedMarket:
    """A market with its proven optimum."""

    market: Market
    assignment: Assignment

    @property
    def saving_micros(self) -> int:
        """Total saving of the assignment, which the dual prices equal."""
        return self.assignment.value


def solve_market(market: Market, *, threads: int = 1) -> SolvedMarket:
    """
    Assign the market's items to its demands at the greatest total saving.

    Parameters
    ----------
    market
        The market; not modified. Safe to solve on any thread.
    threads
        Threads to spread connected components over; no influence on the answer.

    Returns
    -------
    SolvedMarket
        The optimum, whose certificate the independent checker has accepted.

    Raises
    ------
    CertificateError
        If the checker finds a fault: a defect of ours, so that nothing is decided
        on the strength of it.
    """
    assignment = assign(market.graph, threads=threads)
    check_certificate(market.graph, assignment)
    return SolvedMarket(market, assignment)
