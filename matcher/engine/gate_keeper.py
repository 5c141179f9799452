"""Gates 1 and 2 for many items, evaluated anew only where they may have changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matcher.domain.ids import ReturnId, TenantId
from matcher.domain.policy import Policy
from matcher.domain.program import Pause
from matcher.engine.network import places_of
from matcher.engine.network_book import NetworkBook
from matcher.engine.policy_book import PolicyBook
from matcher.engine.records import ReturnRecord
from matcher.geo import ServiceAreas
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import GateReport, evaluate_gates, with_admission
from matcher.policy.volume import Admission


@dataclass(frozen=True, slots=True)
class _Kept:
    """A report with what it was made under."""

    report: GateReport
    admission: Admission
    areas: ServiceAreas
    pauses: tuple[Pause, ...]


class GateKeeper:
    """
    Keeps the reports of waiting items while they stay true.

    A report is used again only under the policy version, the service areas and the
    pauses that it was made with, and before anything that it rests on runs out; so
    keeping it never changes an answer.
    """

    def __init__(
        self,
        tenant: TenantId,
        policies: PolicyBook,
        network: NetworkBook,
    ) -> None:
        self._tenant = tenant
        self._policies = policies
        self._network = network
        self._kept: dict[ReturnId, _Kept] = {}

    def reports(self, records: Sequence[ReturnRecord], now_us: int) -> list[GateReport]:
        """Return the report of each item as of ``now_us``, in their order."""
        pauses = self._policies.program.pauses
        stale = [record for record in records if not self._is_true(record, now_us)]
        if stale:
            for record, inside in zip(stale, self._served(stale), strict=True):
                report = evaluate_gates(
                    record.item,
                    self._policies.active,
                    tenant=self._tenant,
                    surroundings=Surroundings(
                        inside, pauses, record.admission, record.seen_demand
                    ),
                    now_us=now_us,
                )
                self._keep(record, report)
        return [self._kept[record.item.return_id].report for record in records]

    def admit(
        self, record: ReturnRecord, report: GateReport, policy: Policy
    ) -> GateReport:
        """Return the report of an item whose admission is settled now, and keep it."""
        report = with_admission(report, policy, record.admission)
        self._keep(record, report)
        return report

    def forget(self, return_id: ReturnId) -> None:
        """Drop a report: the item changed or is settled."""
        self._kept.pop(return_id, None)

    def _served(self, records: Sequence[ReturnRecord]) -> list[bool]:
        network = self._network.network
        if network.areas.everywhere:
            return [True] * len(records)
        places = places_of([record.item for record in records])
        found: list[bool] = network.in_service_area(places.lat, places.lng).tolist()
        return found

    def _keep(self, record: ReturnRecord, report: GateReport) -> None:
        self._kept[record.item.return_id] = _Kept(
            report,
            record.admission,
            self._network.network.areas,
            self._policies.program.pauses,
        )

    def _is_true(self, record: ReturnRecord, now_us: int) -> bool:
        kept = self._kept.get(record.item.return_id)
        if kept is None:
            return False
        report = kept.report
        policy = self._policies.active
        # What failed may pass later, or fail by another number: it is not kept, and
        # an item that failed does not wait. What keeps a shadow out stays until the
        # rollout's next step, which the report knows of.
        return bool(
            (report.passed or report.pending or report.kept_out)
            and kept.admission is record.admission
            and kept.areas is self._network.network.areas
            and kept.pauses is self._policies.program.pauses
            and report.policy_version == (policy.version if policy else 0)
            and now_us < report.valid_until_us
        )
