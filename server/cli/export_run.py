"""Decisions of a server with what became of them, row by row into a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from matcher.domain.errors import UnavailableError
from nearturn import Client
from nearturn.v1 import match_service_pb2, return_service_pb2
from server.cli.connection import connect
from server.cli.evidence_row import (
    Personal,
    Row,
    columns_of,
    decision_row,
    item_row,
)
from server.files.row_file import write_rows

_PAGE_SIZE = 1_000


def export_decisions(target: str, out: Path, personal: Personal, key: bytes) -> int:
    """
    Write every decision that a server holds; return how many.

    Raises
    ------
    UnavailableError
        If the server cannot be reached or breaks off; no file is written then.
    """
    shown = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}{task.completed:>12,.0f}"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with connect(target) as client, Progress(*shown, console=console) as progress:
        rows = _rows(client, personal, key, progress)
        try:
            return write_rows(out, columns_of(personal), rows)
        except grpc.RpcError as error:
            raise UnavailableError(
                f"{target}: {error.code().name}: {error.details()}; {out} was not "
                "written"
            ) from error


def _rows(
    client: Client, personal: Personal, key: bytes, progress: Progress
) -> Iterator[Row]:
    # The returns first, for each is in many decisions. One that came in meanwhile is
    # asked for by itself.
    items = dict(_items(client, personal, key, progress))
    task = progress.add_task("decisions", total=None)
    request = match_service_pb2.WatchDecisionsRequest(stop_at_end=True)
    for answer in client.matches.WatchDecisions(request):
        return_id = answer.decision.return_id
        if return_id not in items:
            asked = return_service_pb2.GetReturnRequest(return_id=return_id)
            found = client.returns.GetReturn(asked).return_item
            items[return_id] = item_row(found, personal, key)
        progress.advance(task)
        yield {**decision_row(answer.decision), **items[return_id]}


def _items(
    client: Client, personal: Personal, key: bytes, progress: Progress
) -> Iterator[tuple[str, Row]]:
    task = progress.add_task("returns", total=None)
    token = ""
    while True:
        request = return_service_pb2.ListReturnsRequest(
            page_size=_PAGE_SIZE, page_token=token
        )
        page = client.returns.ListReturns(request)
        for item in page.return_items:
            yield item.return_id, item_row(item, personal, key)
        progress.advance(task, len(page.return_items))
        token = page.next_page_token
        if not token:
            return
