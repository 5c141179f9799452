"""The stores that the one suite runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.storage.opening import open_store
from server.storage.store import Store

Opener = Callable[[], Store]

#: Maker of an opener by backend. Another backend is one more entry: given a fresh
#: folder it returns what opens its store, the same one each time.
BACKENDS: dict[str, Callable[[Path], Opener]] = {
    "sqlite": lambda folder: lambda: open_store(f"sqlite:///{folder / 'store.db'}"),
}


@pytest.fixture(params=BACKENDS)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Return what opens a store that is new at first."""
    return BACKENDS[request.param](tmp_path)


@pytest.fixture
def store(opener: Opener) -> Iterator[Store]:
    """Give a new store."""
    opened = opener()
    yield opened
    opened.close()
