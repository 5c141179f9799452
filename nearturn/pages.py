"""Lists that come page by page, as one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

_TOKEN = "next_page_token"  # noqa: S105 - the name of a field


def each_item(
    call: Callable[..., Any], request: Message, *, timeout_s: float | None = None
) -> Iterator[Any]:
    """
    Yield the items of a list, page after page, in the order of the list.

    Parameters
    ----------
    call
        A method that lists, such as ``client.demands.ListDemands``.
    request
        Its request; a page token in it is where the list begins. Not modified.
    timeout_s
        How long each page may take; ``None`` waits.

    Raises
    ------
    grpc.RpcError
        If a page is refused; those before it have been yielded.

    Examples
    --------
    ::

        request = ListDemandsRequest(state=DEMAND_STATE_OPEN, page_size=1000)
        for demand in each_item(client.demands.ListDemands, request):
            ...
    """
    asked = _copied(request)
    while True:
        page = call(asked, timeout=timeout_s)
        yield from _items(page)
        asked.page_token = page.next_page_token
        if not asked.page_token:
            return


async def each_item_async(
    call: Callable[..., Awaitable[Any]],
    request: Message,
    *,
    timeout_s: float | None = None,
) -> AsyncIterator[Any]:
    """Yield the items of a list, as :func:`each_item` does, in an event loop."""
    asked = _copied(request)
    while True:
        page = await call(asked, timeout=timeout_s)
        for item in _items(page):
            yield item
        asked.page_token = page.next_page_token
        if not asked.page_token:
            return


def _copied(request: Message) -> Any:
    copy: Any = type(request)()
    copy.CopyFrom(request)
    return copy


def _items(page: Message) -> Sequence[Any]:
    # A page has one list, and the token of the next.
    fields = page.DESCRIPTOR.fields
    (name,) = (each.name for each in fields if each.is_repeated)
    assert _TOKEN in page.DESCRIPTOR.fields_by_name, f"{name} come in no pages"
    items: Sequence[Any] = getattr(page, name)
    return items
