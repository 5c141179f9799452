"""What every suite shares: rules of property tests, and a database server."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.scenarios.postgres_server import PostgresServer

# The same examples on every machine and in every run: a change that turns a test red
# is a change of ours. Compiling a kernel in the first example is no fault of it.
settings.register_profile(
    "nearturn",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("nearturn")

#: The databases that a store can be in.
BACKENDS = ("sqlite", "postgres")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Run one PostgreSQL server for all tests of this process that ask for it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=BACKENDS)
def new_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Return what names stores that are not there yet, in each kind of database."""
    if request.param == "sqlite":
        numbers = itertools.count(1)
        return lambda: f"sqlite:///{tmp_path / f'store-{next(numbers)}.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database


@pytest.fixture
def store_url(new_store_url: Callable[[], str]) -> str:
    """Return the URL of a store that is not there yet, in each kind of database."""
    return new_store_url()
