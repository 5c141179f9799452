"""Gates 1 and 2 for many items, evaluated anew only where they may have changed."""

from __future__ import annotations

from collections.abc import Sequence

from matcher.domain.ids import ReturnId, TenantId
from matcher.domain.return_item import ReturnItem
from matcher.engine.network_book import NetworkBook
from matcher.engine.policy_book import PolicyBook
from matcher.engine.statement import places_of
from matcher.geo import ServiceAreas
from matcher.policy.gates import GateReport, evaluate_gates


class GateKeeper:
    """
    Keeps the reports of waiting items while they stay true.

    A report is used again only under the policy version and the service areas that
    it was made with, and before anything that it rests on runs out; so keeping it
    never changes an answer.
    """

    def __init__(
        self, tenant: TenantId, policies: PolicyBook, network: NetworkBook
    ) -> None:
        self._tenant = tenant
        self._policies = policies
        self._network = network
        self._kept: dict[ReturnId, tuple[GateReport, ServiceAreas]] = {}

    def reports(self, items: Sequence[ReturnItem], now_us: int) -> list[GateReport]:
        """Return the report of each item as of ``now_us``, in their order."""
        areas = self._network.network.areas
        stale = [item for item in items if not self._is_true(item, areas, now_us)]
        if stale:
            places = places_of(stale)
            served = self._network.network.in_service_area(places.lat, places.lng)
            for item, inside in zip(stale, served.tolist(), strict=True):
                report = evaluate_gates(
                    item,
                    self._policies.active,
                    tenant=self._tenant,
                    in_service_area=inside,
                    now_us=now_us,
                )
                self._kept[item.return_id] = (report, areas)
        return [self._kept[item.return_id][0] for item in items]

    def forget(self, return_id: ReturnId) -> None:
        """Drop a report: the item changed or is settled."""
        self._kept.pop(return_id, None)

    def _is_true(self, item: ReturnItem, areas: ServiceAreas, now_us: int) -> bool:
        kept = self._kept.get(item.return_id)
        if kept is None:
            return False
        report, its_areas = kept
        policy = self._policies.active
        # What failed may pass later, or fail by another number: it is not kept, and
        # an item that failed does not wait.
        return (
            (report.passed or report.pending)
            and its_areas is areas
            and report.policy_version == (policy.version if policy else 0)
            and now_us < report.valid_until_us
        )
