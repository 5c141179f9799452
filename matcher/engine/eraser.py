"""Erases the personal data of rows that are settled, and notes that it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matcher.domain.errors import NotFoundError, StateConflictError
from matcher.domain.lifecycle import RETURNS
from matcher.domain.trigger import Trigger
from matcher.engine.answers import Erasure
from matcher.engine.commands import ErasePersonalData
from matcher.engine.demand_book import DemandBook
from matcher.engine.erasure import erased_demand, erased_return
from matcher.engine.ledger import Ledger
from matcher.engine.program_book import ProgramBook
from matcher.engine.records import DemandRecord, ReturnRecord
from matcher.engine.return_book import ReturnBook


class Eraser:
    """
    Takes personal data out of settled rows.

    A row that is live still needs it: its customer may be asked where the item is.
    What else is stored of them is cleared by the store in the same transaction: the log
    of decisions, and the journal with this very command. The changes name the rows.
    """

    def __init__(
        self,
        ledger: Ledger,
        returns: ReturnBook,
        demands: DemandBook,
        program: ProgramBook,
    ) -> None:
        self._ledger = ledger
        self._returns = returns
        self._demands = demands
        self._program = program

    def erase(self, command: ErasePersonalData, now_us: int) -> Erasure:
        """
        Erase the personal data of items and demands, all or none.

        Rows that were erased before are left as they are.

        Raises
        ------
        NotFoundError
            If an id does not exist.
        StateConflictError
            If a row is still live.
        """
        items = self._items(command)
        wanted = self._wanted(command)
        items = [record for record in items if record.erased_us is None]
        wanted = [record for record in wanted if record.erased_us is None]
        if items or wanted:
            self._take(items, wanted, now_us)
            settled_us = max(
                *(record.updated_us for record in items),
                *(record.updated_us for record in wanted),
                0,
            )
            self._program.erased(
                f"{len(items):,} return items, {len(wanted):,} demands"
                + (f": {command.note}" if command.note else ""),
                settled_us,
                now_us,
            )
        return Erasure(len(items), len(wanted))

    def _items(self, command: ErasePersonalData) -> list[ReturnRecord]:
        found = self._returns.find_all(command.return_ids)
        for return_id in command.return_ids:
            record = found.get(return_id)
            if record is None:
                raise NotFoundError("return", return_id)
            RETURNS.check(return_id, record.state, Trigger.ERASE)
        return list(found.values())

    def _wanted(self, command: ErasePersonalData) -> list[DemandRecord]:
        found = self._demands.find_all(command.demand_ids)
        for demand_id in command.demand_ids:
            record = found.get(demand_id)
            if record is None:
                raise NotFoundError("demand", demand_id)
            if record.is_live:
                raise StateConflictError(
                    "demand",
                    demand_id,
                    f"{record.state.name} with {record.held_count} held units",
                    Trigger.ERASE.value,
                    "FULFILLED, CANCELLED or EXPIRED without held units",
                )
        return list(found.values())

    def _take(
        self,
        items: Sequence[ReturnRecord],
        wanted: Sequence[DemandRecord],
        now_us: int,
    ) -> None:
        changes = self._ledger.changes
        for record in items:
            return_id = record.item.return_id
            changes.erased_returns.add(return_id)
            self._returns.shadows.erased(return_id, self._program.version, now_us)
            self._returns.keep_settled(
                replace(
                    erased_return(record),
                    version=record.version + 1,
                    updated_us=now_us,
                    erased_us=now_us,
                )
            )
        for demand in wanted:
            changes.erased_demands.add(demand.demand.demand_id)
            self._demands.keep_closed(
                replace(
                    erased_demand(demand),
                    version=demand.version + 1,
                    updated_us=now_us,
                    erased_us=now_us,
                )
            )
