"""What calls, groups and rounds are told to, of one kind or more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol

from matcher.domain.ids import TenantId
from matcher.engine.stages import Stage, Stages
from server.api.call_watch import CallWatch, Metadata, Ongoing
from server.runtime.watch import GroupTimes, Origin, Watch


class Teller(CallWatch, Watch, Protocol):
    """Both watches: of the API and of the runtime."""


class Telemetry:
    """
    Several as one.

    Parameters
    ----------
    tellers
        Those that are on, in any order; one of them at most knows of origins.
    """

    def __init__(self, tellers: Sequence[Teller]) -> None:
        self._tellers = tellers

    def began(self, method: str, metadata: Metadata) -> Ongoing:
        """Tell each of a call."""
        return _Calls([each.began(method, metadata) for each in self._tellers])

    def origin(self) -> Origin:
        """Return the origin that one of them knows."""
        found = (each.origin() for each in self._tellers)
        return next((each for each in found if each is not None), None)

    def group(self, group: GroupTimes) -> None:
        """Tell each of a group."""
        for each in self._tellers:
            each.group(group)

    def refused(self, tenant: TenantId) -> None:
        """Tell each of work that was refused."""
        for each in self._tellers:
            each.refused(tenant)

    @contextmanager
    def round(self) -> Iterator[Stages]:
        """Tell each of a round and its stages."""
        with ExitStack() as stack:
            told = [stack.enter_context(each.round()) for each in self._tellers]
            yield lambda stage: _all(told, stage)


@contextmanager
def _all(told: Sequence[Stages], stage: Stage) -> Iterator[None]:
    with ExitStack() as stack:
        for each in told:
            stack.enter_context(each(stage))
        yield


class _Calls:
    def __init__(self, calls: Sequence[Ongoing]) -> None:
        self._calls = calls

    def ended(self, code: str) -> None:
        """Tell each of its end."""
        for each in self._calls:
            each.ended(code)
