"""The stores that the one suite runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from server.storage.opening import open_store
from server.storage.store import Store

Opener = Callable[[], Store]


@pytest.fixture
def opener(store_url: str) -> Opener:
    """Return what opens a store that is new at first, the same one each time."""
    return lambda: open_store(store_url)


@pytest.fixture
def store(opener: Opener) -> Iterator[Store]:
    """Give a new store."""
    opened = opener()
    yield opened
    opened.close()
