"""How the runtime works."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.ids import TenantId

_SECOND_US = 1_000_000
_DAY_US = 24 * 3600 * _SECOND_US


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """
    How the runtime works.

    Parameters
    ----------
    tenants
        Tenants that are served even before they have any row.
    threads
        Threads that solve one round or plan.
    runs_timers
        Whether time alone may settle things and start rounds; off in tests that
        move the clock themselves.
    queue_count_max
        Pieces of work that may wait; more are refused with RESOURCE_EXHAUSTED.
    group_count_max
        Pieces of work in one transaction.
    reader_count
        Threads that read the store.
    retention_us
        How long answers to request ids are kept.
    timer_us
        How often the timers look at least.
    solve_budget_us
        Time for one round or plan from when it is handed to the solver; the best
        answer by then is taken, with its proven gap.
    checkpoint_us
        How often a place is made from which a replay may start, at least.
    checkpoint_entries
        Entries of the journal after which one more is made, if they are as long as the
        last one.
    history_us
        How far back a replay may go.
    replay_budget_us
        Time to live a part of the past again; what takes longer is given up.
    holder
        This server, as others on the same store name it.
    runs_quick_on_loop
        Whether small groups of quick work are done on the event loop itself; for one
        that has nothing else to do, on a store without a network.
    lease_ttl_us
        How long an owner of shards may be silent before another one takes them.
    """

    tenants: tuple[TenantId, ...] = (TenantId("default"),)
    threads: int = 2
    runs_timers: bool = True
    queue_count_max: int = 10_000
    group_count_max: int = 1_000
    reader_count: int = 4
    retention_us: int = _DAY_US
    timer_us: int = _SECOND_US
    solve_budget_us: int = 60 * _SECOND_US
    checkpoint_us: int = _DAY_US
    checkpoint_entries: int = 20_000
    history_us: int = 400 * _DAY_US
    replay_budget_us: int = 120 * _SECOND_US
    holder: str = "server"
    lease_ttl_us: int = 5 * _SECOND_US
    runs_quick_on_loop: bool = False

    @property
    def long_count(self) -> int:
        """Rounds at once, and plans: one tenant's must not hold up another's."""
        return 1 if len(set(self.tenants)) == 1 else 2

    @property
    def reads_each_max(self) -> int:
        """Readers that one tenant may have: one is left where there are others."""
        several = len(set(self.tenants)) > 1
        return max(1, self.reader_count - several)
