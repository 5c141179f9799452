"""Solve one market: the part of a round that needs nothing but its arguments."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.engine.market import Market
from matcher.solve import Assignment, Stop, assign, check_certificate


@dataclass(frozen=True, slots=True)
class SolvedMarket:
    """A market with its optimum, or a proven bound on what it misses of it."""

    market: Market
    assignment: Assignment

    @property
    def saving_micros(self) -> int:
        """Total saving of the assignment."""
        return self.assignment.value


def solve_market(
    market: Market, *, threads: int = 1, stop: Stop | None = None
) -> SolvedMarket:
    """
    Assign the market's items to its demands at the greatest total saving.

    Parameters
    ----------
    market
        The market; not modified. Safe to solve on any thread.
    threads
        Threads to work on; no influence on the answer.
    stop
        Ends the work early when it is requested; the answer then has a gap.

    Returns
    -------
    SolvedMarket
        The optimum, or the best by then; the independent checker has accepted its
        certificate.

    Raises
    ------
    CertificateError
        If the checker finds a fault: a defect of ours, so that nothing is decided
        on the strength of it.
    """
    assignment = assign(market.graph, threads=threads, stop=stop)
    check_certificate(market.graph, assignment)
    return SolvedMarket(market, assignment)
