"""Sending rows to a server row-wise, in batches, the bad ones aside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import grpc
from google.rpc import error_details_pb2

from matcher.domain.errors import FieldViolation
from nearturn import Client, error_details, request_id
from nearturn.v1 import demand_service_pb2, network_service_pb2, return_service_pb2
from server.cli.inputs import Entry
from server.files import Checkpoint, Kind, RejectedWriter, Row

#: Codes that are about the rows; any other ends the load, which can be resumed.
_ABOUT_ROWS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ABORTED,
    }
)
_ITEM = re.compile(r"^(?:demands|return_items)\[(\d+)\]\.?(.*)$")


@dataclass(slots=True)
class LoadResult:
    """What became of the rows of one table."""

    loaded_count: int = 0
    rejected_count: int = 0


class TableLoader:
    """
    Loads one table into a server.

    Parameters
    ----------
    client
        The connection.
    kind
        What the rows are.
    rejected
        Where bad rows go.
    checkpoint
        Keeps how far the load has come.
    progress
        Told the number of the row that is done, and the result so far.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        rejected: RejectedWriter,
        checkpoint: Checkpoint,
        progress: Callable[[int, LoadResult], None],
    ) -> None:
        self._client = client
        self._kind = kind
        self._rejected = rejected
        self._checkpoint = checkpoint
        self._progress = progress
        self.result = LoadResult()

    def load(self, entries: Iterator[Entry], batch_size: int) -> LoadResult:
        """
        Load the rows, a batch at a time; the checkpoint follows each batch.

        Raises
        ------
        grpc.RpcError
            If the server cannot be reached, or refuses for another reason than the
            rows; what came before is kept, and the load goes on from there.
        """
        while batch := list(islice(entries, batch_size)):
            self.take(batch)
            self.note(batch[-1].number)
        return self.finish()

    def take(self, entries: Sequence[Entry]) -> None:
        """Load some rows, at most as many as a call may have, or put them aside."""
        for entry in entries:
            if entry.message is None:
                self.reject(entry.row, entry.faults)
        self._send([entry for entry in entries if entry.message is not None])

    def reject(self, row: Row, faults: Sequence[FieldViolation]) -> None:
        """Put a row aside."""
        self._rejected.write(row, faults)
        self.result.rejected_count += 1

    def note(self, number: int) -> None:
        """Keep that all rows up to this one are done."""
        self._checkpoint.save(number, self._rejected.byte_count)
        self.show(number)

    def show(self, number: int) -> None:
        """Tell who watches that rows up to this one are stored, or put aside soon."""
        self._progress(number, self.result)

    def finish(self) -> LoadResult:
        """Keep that all rows are done, and return what became of them."""
        self._checkpoint.finish()
        return self.result

    def _send(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        try:
            self._call([entry.message for entry in entries])
        except grpc.RpcError as error:
            if error.code() not in _ABOUT_ROWS:
                raise
            self._send_without_faulty(entries, error)
        else:
            self.result.loaded_count += len(entries)

    def _send_without_faulty(
        self, entries: Sequence[Entry], error: grpc.RpcError
    ) -> None:
        # All or none: find the rows at fault, put them aside, send the rest.
        faults = _faults_by_item(error)
        if len(entries) == 1 and not faults:
            fault = FieldViolation("row", error.code().name, error.details() or "")
            faults = {0: [fault]}
        if faults:
            for index, of_item in sorted(faults.items()):
                self.reject(entries[index].row, of_item)
            self._send([e for i, e in enumerate(entries) if i not in faults])
            return
        middle = len(entries) // 2
        self._send(entries[:middle])
        self._send(entries[middle:])

    def _call(self, messages: Sequence[Any]) -> None:
        if self._kind is Kind.DEMAND:
            self._client.demands.BatchUpsertDemands(
                demand_service_pb2.BatchUpsertDemandsRequest(
                    demands=messages, request_id=request_id()
                )
            )
        elif self._kind is Kind.RETURN_ITEM:
            self._client.returns.BatchSubmitReturns(
                return_service_pb2.BatchSubmitReturnsRequest(
                    return_items=messages, request_id=request_id()
                )
            )
        else:
            for message in messages:
                self._client.network.UpsertWarehouse(
                    network_service_pb2.UpsertWarehouseRequest(
                        warehouse=message, request_id=request_id()
                    )
                )


def _faults_by_item(error: grpc.RpcError) -> dict[int, list[FieldViolation]]:
    found: dict[int, list[FieldViolation]] = {}
    for detail in error_details(error):
        if not isinstance(detail, error_details_pb2.BadRequest):
            continue
        for violation in detail.field_violations:
            item = _ITEM.match(violation.field)
            if item is not None:
                value, _, accepted = violation.description.partition("; accepted: ")
                fault = FieldViolation(
                    item[2] or "row", value.removeprefix("got "), accepted
                )
                found.setdefault(int(item[1]), []).append(fault)
    return found
