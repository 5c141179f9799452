"""A connection beside its pool: kept while it is good, and one at most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from sqlalchemy import Engine, PoolProxiedConnection, QueuePool, create_engine, exc

from server.storage.kept_connection import KeptConnection


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Return an engine with two connections, for which nobody waits."""
    engine = create_engine(
        "sqlite://",
        poolclass=QueuePool,
        pool_size=2,
        max_overflow=0,
        pool_timeout=0.01,
        connect_args={"check_same_thread": False},
    )
    yield engine
    engine.dispose()


def _in_use(engine: Engine) -> int:
    return cast(QueuePool, engine.pool).checkedout()


def _driver(connection: PoolProxiedConnection) -> object:
    return connection.driver_connection


def test_what_comes_back_is_given_out_again(engine: Engine) -> None:
    """Without the pool: it stays out of it."""
    kept = KeptConnection(engine)
    first = kept.take()
    kept.give_back(first)
    assert kept.take() is first


def test_one_is_kept_at_most(engine: Engine) -> None:
    """What comes back beside it is for all others."""
    kept = KeptConnection(engine)
    first, second = kept.take(), kept.take()
    assert _driver(first) is not _driver(second)
    with pytest.raises(exc.TimeoutError):
        kept.take()
    kept.give_back(first)
    kept.give_back(second)
    assert _in_use(engine) == 1
    assert kept.take() is first


def test_nothing_is_kept_after_the_end(engine: Engine) -> None:
    """Neither what was free then, nor what comes back later."""
    kept = KeptConnection(engine)
    first, second = kept.take(), kept.take()
    kept.give_back(first)
    kept.close()
    assert _in_use(engine) == 1
    kept.give_back(second)
    assert _in_use(engine) == 0
