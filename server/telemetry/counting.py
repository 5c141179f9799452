"""Calls, groups and rounds into the metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter

from matcher.domain.errors import StateConflictError
from matcher.domain.ids import TenantId
from matcher.engine.stages import Stage, Stages
from server.api.call_watch import Metadata, Ongoing
from server.runtime.watch import GroupTimes, Origin
from server.telemetry.metrics import Metrics


class Counting:
    """
    Both watches, of the API and of the runtime.

    Parameters
    ----------
    metrics
        Counts.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def began(self, method: str, metadata: Metadata) -> Ongoing:  # noqa: ARG002
        """Time a call."""
        return _Call(self._metrics, method)

    def origin(self) -> Origin:
        """Return nothing: counts belong to nobody."""
        return None

    def group(self, group: GroupTimes) -> None:
        """Count a group of work."""
        self._metrics.group(group)

    def refused(self, tenant: TenantId) -> None:
        """Count work that was refused."""
        self._metrics.refused(tenant)

    @contextmanager
    def round(self) -> Iterator[Stages]:
        """Time a round and its stages."""
        began_s = perf_counter()
        try:
            yield self._stage
        except StateConflictError:
            # Nothing to go by, so no round: without a policy.
            raise
        except Exception:
            self._metrics.round_failures.inc()
            raise
        self._metrics.rounds.observe(perf_counter() - began_s)

    def _stage(self, stage: Stage) -> AbstractContextManager[object]:
        return self._metrics.stages.labels(stage.value).time()


class _Call:
    def __init__(self, metrics: Metrics, method: str) -> None:
        self._metrics = metrics
        self._method = method
        self._began_s = perf_counter()
        metrics.in_flight.inc()

    def ended(self, code: str) -> None:
        """Count it."""
        self._metrics.call(self._method, code, perf_counter() - self._began_s)
