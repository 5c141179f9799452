"""All families of comparisons, by profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from benchmarks import (
    assignment,
    bulk,
    bulk_behind_wire,
    bulk_import,
    bulk_stages,
    candidates,
    changes_within,
    density,
    durability,
    end_to_end,
    explanations,
    growth,
    losses,
    match_limits,
    online,
    restart,
    rounds,
    service,
    shadows,
    tenants,
    what_if,
    windows,
)
from benchmarks.result import Result, Skipped
from benchmarks.service import ServiceParams
from benchmarks.tenants import TenantParams
from benchmarks.weeks import Weeks

#: What a family yields, as it goes.
Results = Iterator[Result | Skipped]


@dataclass(frozen=True, slots=True)
class Profile:
    """
    How large all is.

    Parameters
    ----------
    scale
        Share of the full size of each assignment.
    candidate_counts
        Returns, and demands, of the look-ups.
    end_to_end
        Returns, and SKUs, from points to decisions.
    growing
        Returns of the markets that grow.
    open_demands
        What single events go against.
    waiting
        Returns, and demands, of the pool that rounds are closed over.
    limited
        Returns, and demands, of a round under match limits.
    density_demands
        Open demands of each point of the sweeps.
    month_returns
        Returns of the simulated month.
    swept_returns
        Returns, and demands, of the month whose radius is swept.
    explained
        Unmatched returns of a recorded round that are asked about.
    durable_writes
        Writes of the durability family.
    restarted
        Open demands, and waiting returns, of a store that a server starts on.
    service
        Load of the service family.
    tenants
        Calls of the tenant that calls seldom.
    bulk_demands
        Demands that are sent by the column.
    """

    scale: float
    candidate_counts: tuple[int, ...]
    end_to_end: tuple[int, int]
    growing: tuple[int, ...]
    open_demands: int
    waiting: int
    limited: int
    density_demands: int
    month_returns: int
    swept_returns: int
    explained: int
    durable_writes: int
    restarted: tuple[int, int]
    bulk_demands: int
    service: ServiceParams
    tenants: TenantParams


PROFILES = {
    "tiny": Profile(
        scale=0.003,
        candidate_counts=(500,),
        end_to_end=(2_000, 200),
        growing=(200, 400),
        open_demands=2_000,
        waiting=500,
        limited=400,
        density_demands=300,
        month_returns=300,
        swept_returns=500,
        explained=20,
        durable_writes=500,
        restarted=(2_000, 200),
        bulk_demands=2_000,
        service=ServiceParams(call_count=300, steady_s=0.5, overload_s=0.5),
        tenants=TenantParams(rate=20.0, seconds=0.5),
    ),
    "quick": Profile(
        scale=0.2,
        candidate_counts=(20_000, 100_000),
        end_to_end=(100_000, 10_000),
        growing=(6_500, 65_000),
        open_demands=100_000,
        waiting=20_000,
        limited=20_000,
        density_demands=5_000,
        month_returns=5_000,
        swept_returns=20_000,
        explained=100,
        durable_writes=20_000,
        restarted=(100_000, 10_000),
        bulk_demands=200_000,
        service=ServiceParams(call_count=5_000, steady_s=5.0, overload_s=10.0),
        tenants=TenantParams(rate=20.0, seconds=20.0),
    ),
    "full": Profile(
        scale=1.0,
        candidate_counts=(100_000, 1_000_000),
        end_to_end=(1_000_000, 100_000),
        growing=(6_500, 65_000, 650_000),
        open_demands=1_000_000,
        waiting=100_000,
        limited=20_000,
        density_demands=30_000,
        month_returns=20_000,
        swept_returns=100_000,
        explained=1_000,
        durable_writes=100_000,
        restarted=(1_000_000, 100_000),
        bulk_demands=1_000_000,
        service=ServiceParams(call_count=20_000, steady_s=20.0, overload_s=60.0),
        tenants=TenantParams(rate=20.0, seconds=60.0),
    ),
}


@dataclass(frozen=True, slots=True)
class Options:
    """
    What a run depends on besides its profile.

    ``weeks`` are real orders, if given; ``database`` is the prefix of empty PostgreSQL
    databases for the durability family, which goes to SQLite without.
    """

    seed: int = 1
    repetitions: int = 3
    threads: int = 2
    weeks: Weeks | None = None
    database: str = ""


def families(profile: Profile, options: Options) -> dict[str, Callable[[], Results]]:
    """Return each family by its name; calling one begins it."""
    seed, repetitions, threads = options.seed, options.repetitions, options.threads
    count, skus = profile.end_to_end
    return {
        "assignment": lambda: assignment.assignments(
            profile.scale, seed, repetitions, threads, options.weeks
        ),
        "candidates": lambda: candidates.candidates(
            profile.candidate_counts, seed, repetitions, threads
        ),
        "end-to-end": lambda: end_to_end.end_to_end(
            count, skus, seed, repetitions, threads
        ),
        "growth": lambda: growth.growth(profile.growing, seed, repetitions, threads),
        "online": lambda: online.online(profile.open_demands, seed, threads),
        "rounds": lambda: rounds.rounds(profile.waiting, seed, threads),
        "match-limits": lambda: match_limits.match_limits(
            profile.limited, seed, repetitions, threads
        ),
        "shadows": lambda: shadows.shadows(profile.waiting // 2, seed, threads),
        "density": lambda: density.density(profile.density_demands, seed, threads),
        "windows": lambda: windows.windows(profile.month_returns, seed, threads),
        "what-if": lambda: what_if.what_if(
            profile.swept_returns, seed, repetitions, threads
        ),
        "explanations": lambda: chain(
            explanations.explanations(profile.explained, seed, threads),
            changes_within.changes_within(profile.explained, seed, threads),
            losses.losses(profile.explained, seed, threads),
        ),
        "durability": lambda: durability.durability(
            profile.durable_writes, seed, repetitions, options.database
        ),
        "restart": lambda: restart.restart(*profile.restarted, seed, repetitions),
        "bulk": lambda: chain(
            bulk.bulk(profile.bulk_demands, seed, repetitions),
            bulk_import.bulk_import(profile.bulk_demands, seed),
            bulk_behind_wire.bulk_behind_wire(
                profile.bulk_demands // 5, seed, repetitions
            ),
            bulk_stages.import_stages(profile.bulk_demands // 5, seed),
        ),
        "service": lambda: service.service(profile.service, seed, repetitions),
        "tenants": lambda: tenants.tenants(profile.tenants, seed, repetitions),
        "health": lambda: _health(profile),
    }


#: Their names, for help and errors.
FAMILY_NAMES = tuple(families(PROFILES["tiny"], Options()))


def _health(profile: Profile) -> Results:
    # A server is started for it: imported when it is wanted.
    from benchmarks.responsiveness import responsiveness  # noqa: PLC0415

    found = responsiveness(max(300, round(20_000 * profile.scale)))
    yield Result(
        "health",
        f"health checks during a round over {found.return_count:,} returns and "
        f"{found.candidate_count:,} candidates",
        "nearturn",
        found.round_s,
        numbers={
            "median_ms": found.percentile_ms(50),
            "p99_ms": found.percentile_ms(99),
            "longest_ms": found.percentile_ms(100),
            "checks": len(found.answered_ms),
        },
    )
