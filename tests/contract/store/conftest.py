"""The stores that the one suite runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.storage.opening import open_store
from server.storage.store import Store
from tests.scenarios.postgres_server import PostgresServer

Opener = Callable[[], Store]

#: The databases that a store can be in.
BACKENDS = ("sqlite", "postgres")


@pytest.fixture(params=BACKENDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a store that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


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
