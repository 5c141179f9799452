"""Which return items of a submission are new."""

from __future__ import annotations

from collections.abc import Mapping

from matcher.domain.errors import (
    AlreadyExistsError,
    InvalidValueError,
    NearturnError,
)
from matcher.domain.ids import ReturnId
from matcher.domain.instant import utc_text
from matcher.domain.return_item import ReturnItem
from matcher.engine.commands import SubmitReturns
from matcher.engine.records import ReturnRecord


def fresh_items(
    command: SubmitReturns, known: Mapping[ReturnId, ReturnRecord], now_us: int
) -> list[tuple[ReturnItem, str]]:
    """
    Return the items that are new, each with the hash of its payload, in their order.

    Raises
    ------
    InvalidValueError
        If an id is there twice, or the time of a new item is up.
    AlreadyExistsError
        If an item is known with another payload.
    """
    fresh: list[tuple[ReturnItem, str]] = []
    seen: set[ReturnId] = set()
    pairs = zip(command.items, command.payload_hashes, strict=True)
    for index, (item, payload_hash) in enumerate(pairs):
        return_id = item.return_id
        field = f"return_items[{index}]"
        if return_id in seen:
            raise InvalidValueError(f"{field}.return_id", return_id, "each id once")
        seen.add(return_id)
        if _is_fresh(field, item, payload_hash, known.get(return_id), now_us):
            fresh.append((item, payload_hash))
    return fresh


def refused_items(
    command: SubmitReturns, known: Mapping[ReturnId, ReturnRecord], now_us: int
) -> dict[int, NearturnError]:
    """Return why :func:`fresh_items` would not take items, by their place."""
    refused: dict[int, NearturnError] = {}
    seen: set[ReturnId] = set()
    pairs = zip(command.items, command.payload_hashes, strict=True)
    for index, (item, payload_hash) in enumerate(pairs):
        return_id = item.return_id
        field = f"return_items[{index}]"
        try:
            if return_id in seen:
                raise InvalidValueError(f"{field}.return_id", return_id, "each id once")
            _is_fresh(field, item, payload_hash, known.get(return_id), now_us)
        except (InvalidValueError, AlreadyExistsError) as error:
            refused[index] = error
        else:
            seen.add(return_id)
    return refused


def _is_fresh(
    field: str,
    item: ReturnItem,
    payload_hash: str,
    old: ReturnRecord | None,
    now_us: int,
) -> bool:
    if old is not None:
        if old.payload_hash != payload_hash:
            raise AlreadyExistsError(
                "return", item.return_id, old.payload_hash, payload_hash
            )
        return False
    if item.decide_by_us <= now_us:
        raise InvalidValueError(
            f"{field}.decide_by_time",
            utc_text(item.decide_by_us),
            f"after now, {utc_text(now_us)}",
        )
    return True
